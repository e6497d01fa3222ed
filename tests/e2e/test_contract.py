"""What the operator writes into a real pod is what the streamer reads."""

import base64

import pytest

from cloudphone_protocol.environment import (
    CREDENTIAL_FILE,
    DOCUMENT_FILE,
    SESSION_DIR,
    TICKET_KEY_FILE,
)
from cloudphone_protocol.session import SessionDocument
from cloudphone_streamer.settings import Settings
from tests.e2e.stage import PHONE, Stage

SESSION = "contract"


async def test_a_real_pods_environment_and_files_configure_the_streamer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.apply_session(SESSION)
    session = await stage.ready(SESSION)
    (pod,) = stage.streamer_pods(SESSION)
    (container,) = pod["spec"]["containers"]
    secret = stage.kubectl.get("secret", f"{SESSION}-streamer", stage.namespace)
    assert secret is not None

    for variable in container["env"]:
        if "value" in variable:
            monkeypatch.setenv(variable["name"], variable["value"])
    settings = Settings()
    (port,) = [item["port"] for item in session["status"]["mediaPorts"]]
    assert (settings.ice_port_min, settings.ice_port_max) == (port, port)
    assert list(settings.nat_1to1_ips) == session["status"]["addresses"]
    assert settings.pod_name == pod["metadata"]["name"]
    assert str(settings.session_dir) == SESSION_DIR

    files = {name: base64.b64decode(value) for name, value in secret["data"].items()}
    assert set(files) == {DOCUMENT_FILE, TICKET_KEY_FILE, CREDENTIAL_FILE}
    document = SessionDocument.parse(files[DOCUMENT_FILE])
    assert document.session.uid == session["metadata"]["uid"]
    assert document.device is not None
    assert document.device.address == session["status"]["device"]["address"]
    assert document.device.pod_name == PHONE


async def test_logs_and_exec_work_and_logs_name_no_secret(stage: Stage) -> None:
    stage.apply_session(SESSION)
    await stage.ready(SESSION)
    (pod,) = stage.streamer_pods(SESSION)
    name = pod["metadata"]["name"]
    secret = stage.kubectl.get("secret", f"{SESSION}-streamer", stage.namespace)
    assert secret is not None
    logs = stage.kubectl.run("logs", name, f"--namespace={stage.namespace}")
    assert logs
    for key in (TICKET_KEY_FILE, CREDENTIAL_FILE):
        assert base64.b64decode(secret["data"][key]).decode() not in logs
    identity = stage.kubectl.run("exec", name, f"--namespace={stage.namespace}", "--", "id", "-u")
    assert int(identity) != 0
