"""The viewers of a session, with real messages; the phone is a list of what it was told."""

import json
from typing import Any

import pytest

from cloudphone_protocol.channel import Key, KeyAction, Text, Touch, TouchAction
from cloudphone_protocol.reports import CaptureReport, CaptureState
from cloudphone_protocol.session import Access, CaptureMode, ControlPolicy
from cloudphone_protocol.tickets import Permission, Ticket
from cloudphone_streamer.capture.source import InputEvent
from cloudphone_streamer.errors import ViewerLimitReached
from cloudphone_streamer.viewers.registry import Viewers
from cloudphone_streamer.viewers.viewer import MESSAGES_PER_S, Viewer

RUNNING = CaptureReport(
    state=CaptureState.RUNNING,
    mode=CaptureMode.SCRCPY,
    reason="Capturing",
    message="pictures come",
    width_px=720,
    height_px=1280,
)

AWAY = RUNNING.model_copy(
    update={
        "state": CaptureState.RECONNECTING,
        "reason": "DeviceUnreachable",
        "message": "the phone does not answer",
    }
)


class Stage:
    """A session, its phone and what each viewer was sent."""

    def __init__(self, access: Access | None = None) -> None:
        self.phone: list[InputEvent] = []
        self.changes = 0
        self.viewers = Viewers(
            access=access or Access(),
            capture=RUNNING,
            inject=self.phone.append,
            on_change=self._count,
        )
        self.viewers.set_capture(RUNNING)

    def _count(self) -> None:
        self.changes += 1

    def join(self, *permissions: Permission) -> tuple[Viewer, list[dict[str, Any]]]:
        ticket = Ticket(
            id="ticket-1",
            subject="someone",
            permissions=frozenset({Permission.VIEW, *permissions}),
            issued_at=0,
            expires_at=60,
        )
        viewer = self.viewers.admit(ticket)
        sent: list[dict[str, Any]] = []
        viewer.on_channel_open(lambda text: sent.append(json.loads(text)))
        viewer.on_connected()
        return viewer, sent


def touch(action: str, *, pointer: int = 0, x: int = 10, y: int = 20, **other: Any) -> str:
    return json.dumps(
        {"type": "touch", "action": action, "pointer": pointer, "x": x, "y": y}
        | {"width": 720, "height": 1280}
        | other
    )


def of_type(sent: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message for message in sent if message["type"] == kind]


def test_a_viewer_is_told_the_state_when_its_channel_opens() -> None:
    _, sent = Stage().join(Permission.CONTROL)
    assert sent[-1] == {
        "type": "state",
        "state": "streaming",
        "reason": "Capturing",
        "message": "pictures come",
        "mayControl": True,
    }


def test_a_touch_reaches_the_phone() -> None:
    stage = Stage()
    viewer, _ = stage.join(Permission.CONTROL)
    viewer.on_message("control", touch("down"))
    viewer.on_message("moves", touch("move", x=30))
    viewer.on_message("control", touch("up", x=31))
    touches = [event for event in stage.phone if isinstance(event, Touch)]
    assert [(event.action, event.x) for event in touches] == [
        (TouchAction.DOWN, 10),
        (TouchAction.MOVE, 30),
        (TouchAction.UP, 31),
    ]


def test_a_touch_on_the_picture_of_a_lower_rung_is_one_on_the_phones() -> None:
    stage = Stage()
    viewer, _ = stage.join(Permission.CONTROL)
    viewer.on_message("control", touch("down", x=240, y=427, width=480, height=854))
    viewer.on_message("control", touch("up", x=10, y=20, width=854, height=480))
    assert [
        (event.x, event.y, event.width, event.height)
        for event in stage.phone
        if isinstance(event, Touch)
    ] == [(360, 640, 720, 1280)]


def test_text_of_any_script_reaches_the_phone() -> None:
    stage = Stage()
    viewer, _ = stage.join(Permission.CONTROL)
    viewer.on_message("control", '{"type": "text", "text": "你好 👋"}')
    assert stage.phone == [Text(type="text", text="你好 👋")]


def test_a_ping_is_answered_with_its_own_time() -> None:
    viewer, sent = Stage().join()
    viewer.on_message("control", '{"type": "ping", "sentMs": 12.5}')
    assert sent[-1] == {"type": "pong", "sentMs": 12.5}


def test_input_without_permission_is_refused_once_and_counted_each_time() -> None:
    stage = Stage()
    viewer, sent = stage.join()
    for _ in range(3):
        viewer.on_message("control", touch("down"))
    assert stage.phone == []
    assert [refusal["code"] for refusal in of_type(sent, "refusal")] == ["control_denied"]
    assert stage.viewers.refusals_total == {"control_denied": 3}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("no json", id="no JSON"),
        pytest.param('{"type": "shell", "command": "id"}', id="an unknown type"),
        pytest.param(touch("down", x=-1), id="a point outside all bounds"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param("x" * 70_000, id="too long"),
        pytest.param("[" * 10_000, id="deeply nested"),
    ],
)
def test_a_bad_message_is_refused_and_never_raises(data: str | bytes) -> None:
    stage = Stage()
    viewer, sent = stage.join(Permission.CONTROL)
    viewer.on_message("control", data)
    assert of_type(sent, "refusal")[0]["code"] == "message_invalid"
    assert stage.phone == []
    assert stage.viewers.refusals_total == {"message_invalid": 1}


def test_a_flood_is_cut_off_its_fingers_are_lifted_and_the_answers_are_few() -> None:
    stage = Stage()
    viewer, sent = stage.join(Permission.CONTROL)
    viewer.on_message("control", touch("down"))
    for step in range(3 * MESSAGES_PER_S):
        viewer.on_message("moves", touch("move", x=step % 700))
    touches = [event for event in stage.phone if isinstance(event, Touch)]
    assert len(touches) < 2 * MESSAGES_PER_S
    assert touches[-1].action is TouchAction.UP
    refusals = of_type(sent, "refusal")
    assert {refusal["code"] for refusal in refusals} == {"too_many_messages"}
    assert len(refusals) <= 10


def test_a_viewer_who_leaves_lets_fingers_and_keys_go() -> None:
    stage = Stage()
    viewer, _ = stage.join(Permission.CONTROL)
    viewer.on_message("control", touch("down"))
    viewer.on_message("control", '{"type": "key", "action": "down", "keyCode": 59}')
    stage.phone.clear()
    viewer.on_closed("the viewer left")
    lifted, released = stage.phone
    assert isinstance(lifted, Touch)
    assert lifted.action is TouchAction.UP
    assert released == Key(type="key", action=KeyAction.UP, key_code=59)


def test_fingers_of_two_viewers_stay_apart() -> None:
    stage = Stage()
    first, _ = stage.join(Permission.CONTROL)
    second, _ = stage.join(Permission.CONTROL)
    first.on_message("control", touch("down", pointer=0))
    second.on_message("control", touch("down", pointer=0))
    numbers = {event.pointer for event in stage.phone if isinstance(event, Touch)}
    assert len(numbers) == 2


def test_a_rotation_lifts_the_fingers_and_drops_late_touches() -> None:
    stage = Stage()
    viewer, _ = stage.join(Permission.CONTROL)
    viewer.on_message("control", touch("down", x=700, y=1200))
    stage.phone.clear()
    stage.viewers.set_capture(
        RUNNING.model_copy(update={"width_px": 1280, "height_px": 720}),
    )
    viewer.on_message("moves", touch("move", x=700, y=1200))
    (lifted,) = stage.phone
    assert isinstance(lifted, Touch)
    assert lifted.action is TouchAction.UP
    assert (lifted.x, lifted.y, lifted.width, lifted.height) == (700, 719, 1280, 720)


def test_a_finger_put_down_while_the_phone_is_away_is_not_down_when_it_is_back() -> None:
    stage = Stage()
    viewer, sent = stage.join(Permission.CONTROL)
    stage.viewers.set_capture(AWAY)
    viewer.on_message("control", touch("down"))
    stage.viewers.set_capture(RUNNING)
    viewer.on_message("moves", touch("move"))
    viewer.on_message("control", touch("up"))
    assert stage.phone == []
    assert of_type(sent, "refusal") == []
    assert stage.viewers.refusals_total == {"phone_away": 1}


def test_viewers_are_told_when_the_phone_goes_and_when_it_is_back() -> None:
    stage = Stage()
    _, sent = stage.join()
    stage.viewers.set_capture(AWAY)
    stage.viewers.set_capture(RUNNING)
    assert [(state["state"], state["reason"]) for state in of_type(sent, "state")] == [
        ("streaming", "Capturing"),
        ("reconnecting", "DeviceUnreachable"),
        ("streaming", "Capturing"),
    ]


def test_a_full_session_admits_no_more_until_somebody_leaves() -> None:
    stage = Stage(Access(max_viewers=1))
    first, _ = stage.join()
    with pytest.raises(ViewerLimitReached, match="has 1 viewers; expected at most 1"):
        stage.join()
    first.on_closed("the viewer left")
    stage.join()
    assert stage.viewers.count == 1


def test_a_lowered_limit_sends_nobody_away() -> None:
    stage = Stage()
    stage.join()
    stage.join()
    stage.viewers.set_access(Access(max_viewers=1))
    assert stage.viewers.count == 2
    with pytest.raises(ViewerLimitReached):
        stage.join()


def test_a_viewer_counts_from_the_moment_media_flows() -> None:
    stage = Stage()
    ticket = Ticket(
        id="ticket-1",
        subject="s",
        permissions=frozenset({Permission.VIEW}),
        issued_at=0,
        expires_at=60,
    )
    viewer = stage.viewers.admit(ticket)
    assert (stage.viewers.count, stage.changes) == (0, 0)
    viewer.on_connected()
    assert (stage.viewers.count, stage.changes) == (1, 1)
    viewer.on_closed("lost")
    assert (stage.viewers.count, stage.changes) == (0, 2)


def test_with_exclusive_control_the_first_who_may_holds_it_and_passes_it_on() -> None:
    stage = Stage(Access(control=ControlPolicy.EXCLUSIVE))
    stage.join()
    first, _ = stage.join(Permission.CONTROL)
    second, sent = stage.join(Permission.CONTROL)
    assert of_type(sent, "state")[-1]["mayControl"] is False

    second.on_message("control", touch("down"))
    assert of_type(sent, "refusal")[-1]["code"] == "control_taken"
    assert stage.phone == []

    first.on_closed("the viewer left")
    assert of_type(sent, "state")[-1]["mayControl"] is True
    second.on_message("control", touch("down"))
    assert len(stage.phone) == 1


def test_exclusive_control_put_in_force_lifts_the_others_fingers() -> None:
    stage = Stage()
    stage.join(Permission.CONTROL)
    second, sent = stage.join(Permission.CONTROL)
    second.on_message("control", touch("down"))
    stage.viewers.set_access(Access(control=ControlPolicy.EXCLUSIVE))
    last = stage.phone[-1]
    assert isinstance(last, Touch)
    assert last.action is TouchAction.UP
    assert of_type(sent, "state")[-1]["mayControl"] is False


def test_at_the_end_everybody_is_told_and_nobody_controls() -> None:
    stage = Stage()
    viewer, sent = stage.join(Permission.CONTROL)
    stage.viewers.close()
    assert sent[-1]["state"] == "closing"
    viewer.on_message("control", touch("down"))
    assert stage.phone == []
