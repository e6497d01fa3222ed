"""Which phone, and can it be streamed?"""

import ipaddress
from collections.abc import Collection

from cloudphone_operator.conditions import false, true
from cloudphone_operator.model.cluster import Pod
from cloudphone_operator.model.device import Device, DeviceFinding
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.session import FixedAddress, PodRef, PodSelector, Session
from cloudphone_operator.model.status import ConditionType
from cloudphone_protocol.addresses import join_host_port

_DEVICE_READY = ConditionType.DEVICE_READY


def find_device(session: Session, phones: Collection[Pod], policy: Policy) -> DeviceFinding:
    """
    Find the session's phone.

    Args:
        session: The session.
        phones: Pods that its device reference names; others are passed over.
        policy: Which addresses are allowed.
    """
    match session.device:
        case None:
            return DeviceFinding(
                device=Device(),
                condition=true(_DEVICE_READY, "NotNeeded", "A test pattern needs no phone."),
            )
        case FixedAddress(address=address):
            return _judge_address(address, session.adb_port, policy)
        case PodRef(name=name):
            pod = next((phone for phone in phones if phone.name == name), None)
            if pod is None:
                return _missing("PodNotFound", f"Waiting for Pod {name} of the phone: not found.")
            return _judge_pod(pod, session.adb_port)
        case PodSelector() as selector:
            return _select(session, selector, phones)


def _select(session: Session, selector: PodSelector, phones: Collection[Pod]) -> DeviceFinding:
    alive = [
        phone
        for phone in phones
        if selector.matches(phone.labels) and not phone.deleting and not phone.finished
    ]
    if not alive:
        return _missing("NoPodMatches", "Waiting for a Pod that spec.device.podSelector matches.")
    held_uid = session.status.device.pod_uid if session.status.device is not None else None
    # Make sure a session stays with its phone: another one has other apps and another state.
    kept = [phone for phone in alive if phone.uid == held_uid]
    ready = [phone for phone in alive if phone.is_ready]
    candidates = kept or ready or alive
    chosen = min(candidates, key=lambda phone: (phone.created_at, phone.name))
    finding = _judge_pod(chosen, session.adb_port)
    if len(alive) == 1 or finding.device is None:
        return finding
    names = ", ".join(sorted(phone.name for phone in alive)[:5])
    return DeviceFinding(
        device=finding.device,
        condition=true(
            _DEVICE_READY,
            "SeveralPodsMatch",
            f"Using Pod {chosen.name}; spec.device.podSelector matches {len(alive)} Pods ({names}) "
            "and should match one.",
        ),
    )


def _judge_pod(pod: Pod, adb_port: int) -> DeviceFinding:
    of_phone = f"Pod {pod.name} of the phone"
    if pod.deleting:
        return _missing("PodTerminating", f"{of_phone} is being deleted.")
    if pod.finished:
        why = f": {pod.reason} {pod.message}".rstrip() if pod.reason or pod.message else ""
        return _missing("PodFinished", f"{of_phone} has ended with phase {pod.phase}{why}.")
    if not pod.node_name or not pod.ip:
        said = pod.scheduled.message if pod.scheduled is not None else ""
        return _missing(
            "PodNotRunning",
            f"{of_phone} is not running yet" + (f": {said}" if said else "."),
        )
    if not pod.is_ready:
        said = pod.ready.message if pod.ready is not None else ""
        return _missing("PodNotReady", f"{of_phone} is not ready" + (f": {said}" if said else "."))
    return DeviceFinding(
        device=Device(
            address=join_host_port(pod.ip, adb_port),
            pod_name=pod.name,
            pod_uid=pod.uid,
            node_name=pod.node_name,
            tolerations=pod.tolerations,
        ),
        condition=true(_DEVICE_READY, "PodReady", f"{of_phone} is ready on node {pod.node_name}."),
    )


def _judge_address(address: str, adb_port: int, policy: Policy) -> DeviceFinding:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        parsed = None
    # Make sure a session cannot be used to reach what its user could not reach otherwise.
    if parsed is None or not any(parsed in network for network in policy.device_cidrs):
        allowed = ", ".join(str(network) for network in policy.device_cidrs) or "none"
        return DeviceFinding(
            device=None,
            condition=false(
                _DEVICE_READY,
                "AddressNotAllowed",
                f"spec.device.address is {address}; expected an address in the operator's device "
                f"CIDRs, which are: {allowed}.",
            ),
            hopeless=True,
        )
    location = join_host_port(str(parsed), adb_port)
    return DeviceFinding(
        device=Device(address=location),
        condition=true(_DEVICE_READY, "AddressGiven", f"The phone is at {location}."),
    )


def _missing(reason: str, message: str) -> DeviceFinding:
    return DeviceFinding(device=None, condition=false(_DEVICE_READY, reason, message))
