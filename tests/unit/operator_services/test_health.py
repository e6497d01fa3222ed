from cloudphone_operator.health import Health


def test_only_what_is_wrong_is_told_after_the_name_of_its_part() -> None:
    health = Health()
    health.add_readiness("lease", lambda: "not read for 31 s")
    health.add_liveness("watches", lambda: None)
    assert health.failures(liveness=True) == ()
    assert health.failures(liveness=False) == ("lease: not read for 31 s",)
    health.remove("lease")
    health.remove("lease")
    assert health.failures(liveness=False) == ()
