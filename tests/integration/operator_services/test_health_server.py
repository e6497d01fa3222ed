import aiohttp

from cloudphone_operator.health import Health, start_health_server


async def test_health_and_metrics_are_served() -> None:
    health = Health()
    runner = await start_health_server(health, 0)
    port = next(port for host, port, *_ in runner.addresses if ":" not in host)

    async def get(path: str) -> tuple[int, str]:
        async with http.get(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, await answer.text()

    try:
        async with aiohttp.ClientSession() as http:
            assert await get("/healthz") == (200, "ok\n")
            health.add_readiness("lease", lambda: "not read")
            health.add_liveness("watches", lambda: "dead")
            assert await get("/readyz") == (503, "lease: not read\n")
            assert await get("/healthz") == (503, "watches: dead\n")
            status, text = await get("/metrics")
            assert status == 200
            assert "cloudphone_operator_queue_depth" in text
    finally:
        await runner.cleanup()
