"""A session from its creation to its end, as the cluster sees it."""

import urllib.error
import urllib.request

from cloudphone_protocol.reports import (
    CaptureReport,
    CaptureState,
    EncoderReport,
    Report,
    report_path,
)
from cloudphone_protocol.session import CaptureMode, Encoder, SessionDocument
from tests.cluster.api_server import JsonObject
from tests.cluster.operator.conftest import OperatorProcess
from tests.cluster.operator.stage import Stage


def of_phone(name: str) -> JsonObject:
    return {"device": {"podRef": {"name": name}}}


def host_ports(pod: JsonObject) -> set[int]:
    return {
        port["hostPort"] for port in pod["spec"]["containers"][0]["ports"] if port.get("hostPort")
    }


def test_a_session_becomes_a_pod_beside_its_phone(stage: Stage, operator: OperatorProcess) -> None:
    stage.make_phone("redroid-1")
    stage.make_session("phone-1", of_phone("redroid-1"))
    pod = stage.wait_for_pod("phone-1")
    assert pod["metadata"]["name"] == "phone-1-1"
    assert pod["spec"]["nodeName"] == stage.node
    [port] = host_ports(pod)
    assert stage.held_ports() == {port: "phone-1"}

    status = stage.eventually(
        lambda: stage.status("phone-1") if stage.status("phone-1").get("podName") else None,
        what="a status",
    )
    assert status["mediaPorts"] == [{"port": port, "protocols": ["UDP", "TCP"]}]
    assert status["addresses"] == [stage.node_address]
    assert status["nodeName"] == stage.node
    assert status["attempt"] == 1

    files = stage.secret("phone-1")
    document = SessionDocument.parse(files["session.json"])
    assert document.session.name == "phone-1"
    assert document.device is not None
    assert document.device.pod_name == "redroid-1"
    assert len(bytes.fromhex(files["ticket-key"])) == 32
    assert len(bytes.fromhex(files["credential"])) == 32
    told = stage.eventually(
        lambda: (
            [event for event in stage.events("phone-1") if event != "PodNotReady"]
            if "PodCreated" in stage.events("phone-1")
            else None
        ),
        what="events",
    )
    assert {"DeviceFound", "PortsAllocated", "PodCreated"} <= set(told)
    assert len(told) == len(set(told))


def test_a_session_waits_for_its_phone(stage: Stage, operator: OperatorProcess) -> None:
    stage.make_session("phone-1", of_phone("redroid-1"))
    stage.eventually(
        lambda: stage.condition("phone-1", "DeviceReady")[1] == "PodNotFound",
        what="DeviceReady says that the phone is missing",
    )
    assert stage.children() == []
    stage.make_phone("redroid-1")
    stage.wait_for_pod("phone-1")


def test_two_sessions_on_a_node_have_ports_of_their_own(
    stage: Stage, operator: OperatorProcess
) -> None:
    for number in (1, 2, 3):
        stage.make_phone(f"redroid-{number}", {"phone": str(number)})
    for number in (1, 2, 3):
        spec = {"device": {"podSelector": {"matchLabels": {"phone": str(number)}}}}
        stage.make_session(f"phone-{number}", spec)
    pods = [stage.wait_for_pod(f"phone-{number}") for number in (1, 2, 3)]
    ports = [port for pod in pods for port in host_ports(pod)]
    assert len(set(ports)) == 3
    assert set(stage.held_ports()) == set(ports)


def test_a_test_pattern_needs_no_phone(stage: Stage, operator: OperatorProcess) -> None:
    stage.make_session("pattern", {"capture": {"mode": "TestPattern"}})
    assert stage.wait_for_pod("pattern")


def test_a_deleted_pod_is_replaced_on_the_same_port(
    stage: Stage, operator: OperatorProcess
) -> None:
    stage.make_phone("redroid-1")
    stage.make_session("phone-1", of_phone("redroid-1"))
    first = stage.wait_for_pod("phone-1")
    stage.delete_pod("phone-1-1")
    second = stage.eventually(
        lambda: next(
            (
                pod
                for pod in stage.pods("phone-1")
                if pod["metadata"]["name"] == "phone-1-2" and pod["spec"].get("nodeName")
            ),
            None,
        ),
        within_s=30,
        what="the second pod on a node",
    )
    assert host_ports(second) == host_ports(first)
    stage.eventually(lambda: stage.status("phone-1").get("attempt") == 2, what="attempt 2")
    stage.eventually(lambda: "PodReplaced" in stage.events("phone-1"), what="an event")


def test_what_pod_security_refuses_is_said_in_its_words_and_made_once_it_is_allowed(
    stage: Stage, operator: OperatorProcess
) -> None:
    stage.make_phone("redroid-1")
    stage.allow("restricted")
    stage.make_session("phone-1", of_phone("redroid-1"))
    stage.eventually(
        lambda: stage.condition("phone-1", "Stalled")[:2] == ("True", "CreateRefused"),
        what="Stalled",
    )
    _, _, message = stage.condition("phone-1", "Stalled")
    # The hostPort is all that keeps the pod from meeting `restricted`.
    assert "hostPort" in message
    for other in ("allowPrivilegeEscalation", "capabilities", "runAsNonRoot", "seccompProfile"):
        assert other not in message
    assert stage.status("phone-1")["phase"] == "Failed"
    stage.allow("privileged")
    stage.patch_session("phone-1", {"metadata": {"annotations": {"look": "again"}}})
    assert stage.wait_for_pod("phone-1")


def test_a_suspended_session_gives_back_what_it_had_and_returns(
    stage: Stage, operator: OperatorProcess
) -> None:
    stage.make_phone("redroid-1")
    stage.make_session("phone-1", of_phone("redroid-1"))
    stage.wait_for_pod("phone-1")
    stage.patch_session("phone-1", {"spec": {"lifecycle": {"suspended": True}}})
    stage.eventually(
        lambda: not stage.pods("phone-1") and not stage.held_ports(),
        within_s=30,
        what="neither pod nor port",
    )
    stage.eventually(
        lambda: stage.condition("phone-1", "Ready")[:2] == ("True", "Suspended"), what="Ready"
    )
    stage.patch_session("phone-1", {"spec": {"lifecycle": {"suspended": False}}})
    pod = stage.wait_for_pod("phone-1")
    assert pod["metadata"]["name"] == "phone-1-2"


def test_what_the_streamer_reports_is_in_the_status(
    stage: Stage, operator: OperatorProcess
) -> None:
    stage.make_phone("redroid-1")
    session = stage.make_session("phone-1", of_phone("redroid-1"))
    pod = stage.wait_for_pod("phone-1")
    files = stage.secret("phone-1")
    report = Report(
        session_uid=session["metadata"]["uid"],
        pod_name=pod["metadata"]["name"],
        sequence=1,
        started_at_ms=1,
        document_version=SessionDocument.parse(files["session.json"]).version(),
        capture=CaptureReport(
            state=CaptureState.FAILED,
            mode=CaptureMode.SCRCPY,
            reason="AdbUnauthorized",
            message="The phone does not accept the key; confirm it on the phone.",
        ),
        encoder=EncoderReport(
            requested=Encoder.PASSTHROUGH, effective=Encoder.PASSTHROUGH, reason="Requested"
        ),
        viewers=2,
    )
    post_report(stage, operator, report, files["credential"])
    stage.eventually(
        lambda: stage.condition("phone-1", "StreamerReady")[1] == "AdbUnauthorized",
        what="the streamer's own reason",
    )
    status = stage.status("phone-1")
    assert status["viewers"] == 2
    assert status["encoder"] == {"requested": "Passthrough", "effective": "Passthrough"}
    assert stage.condition("phone-1", "ClientConnected")[0] == "True"


def test_a_deleted_session_leaves_nothing_whenever_that_happens(
    stage: Stage, operator: OperatorProcess
) -> None:
    stage.make_phone("redroid-1")
    for round_ in range(6):
        name = f"phone-{round_}"
        stage.make_session(name, of_phone("redroid-1"))
        # Deleted after ever more of it has been made: nothing at all, the Secret, and so on.
        if round_ < 5:
            wait_for_children(stage, round_)
        else:
            stage.wait_for_pod(name)
        stage.delete_session(name)
        stage.eventually(
            lambda: not stage.children() and not stage.held_ports(),
            within_s=30,
            what=f"nothing is left of {name}",
        )


def test_a_namesake_made_at_once_is_another_session(
    stage: Stage, operator: OperatorProcess
) -> None:
    stage.make_phone("redroid-1")
    stage.make_session("phone-1", of_phone("redroid-1"))
    stage.wait_for_pod("phone-1")
    before = stage.secret("phone-1")
    stage.delete_session("phone-1")
    session = stage.make_session("phone-1", of_phone("redroid-1"))

    def own_pod() -> JsonObject | None:
        return next(
            (
                pod
                for pod in stage.pods("phone-1")
                if pod["metadata"]["ownerReferences"][0]["uid"] == session["metadata"]["uid"]
            ),
            None,
        )

    stage.eventually(own_pod, within_s=30, what="a pod of the second session")
    after = stage.secret("phone-1")
    assert before["ticket-key"] != after["ticket-key"]
    assert before["credential"] != after["credential"]


def test_an_operator_that_is_killed_anywhere_is_taken_over_from(
    stage: Stage, operator: OperatorProcess
) -> None:
    stage.make_phone("redroid-1")
    for number in range(4):
        stage.make_session(f"phone-{number}", of_phone("redroid-1"))
        if number % 2:
            wait_for_children(stage, 4 * number)
            operator.kill()
            operator.start()
    pods = [stage.wait_for_pod(f"phone-{number}") for number in range(4)]
    ports = [port for pod in pods for port in host_ports(pod)]
    assert len(set(ports)) == 4
    stage.eventually(
        lambda: set(stage.held_ports()) == set(ports), what="exactly these ports are held"
    )


def test_the_other_replica_takes_over_within_20_s_of_the_leaders_death(
    stage: Stage, operator: OperatorProcess, second_operator: OperatorProcess
) -> None:
    stage.make_phone("redroid-1")
    stage.make_session("phone-1", of_phone("redroid-1"))
    before = stage.wait_for_pod("phone-1")
    operator.kill()
    stage.make_session("phone-2", of_phone("redroid-1"))
    stage.eventually(lambda: stage.live_pod("phone-2"), within_s=20, what="a pod by the other")
    assert "leading" in second_operator.log()
    after = stage.live_pod("phone-1")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert len(set(stage.held_ports())) == 2
    operator.start()


def test_it_stops_when_told_to_and_leaves_the_sessions_alone(
    stage: Stage, operator: OperatorProcess
) -> None:
    stage.make_phone("redroid-1")
    stage.make_session("phone-1", of_phone("redroid-1"))
    stage.wait_for_pod("phone-1")
    assert operator.stop() == 0
    assert "given back" in operator.log()
    assert stage.live_pod("phone-1")
    operator.start()


def wait_for_children(stage: Stage, count: int) -> None:
    stage.eventually(lambda: len(stage.children()) >= count, within_s=30, what=f"{count} children")


def post_report(stage: Stage, operator: OperatorProcess, report: Report, credential: str) -> None:
    request = urllib.request.Request(
        f"http://{stage.node_address}:{operator.reports_port}"
        f"{report_path(stage.namespace, 'phone-1')}",
        data=report.to_json().encode(),
        headers={"Authorization": f"Bearer {credential}", "Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 204
