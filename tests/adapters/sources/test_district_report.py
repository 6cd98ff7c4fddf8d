"""The commercial district of the catalog: stores, sales and people of one area, over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.assembly import open_gateway
from gateway.config import ConfigError, load_config
from tests.recordings import recorded, serving
from tests.serving import decoded, served

KEYS = {"SEOUL_OPEN_DATA_KEY": "seoul-secret", "DATA_GO_KR_KEY": "data+secret=="}
CONFIG = """
database: {url: "sqlite+aiosqlite:///FOLDER/lookup.db"}
sources:
  district:
    catalog: district-report
    composite:
      parts:
        area: {request: {url: "BASE/{key}/json/TbgisTrdarRelm/{first}/{last}", allow_private: true}}
        sales:
          request:
            url: "BASE/{key}/json/VwsmTrdarSelngQq/{first}/{last}/{quarter}/{area}"
            allow_private: true
        population:
          request:
            url: "BASE/{key}/json/VwsmAdstrdFlpopW/{first}/{last}/{quarter}/{district}"
            allow_private: true
        stores:
          request: {url: "BASE/storeListInDong", allow_private: true}
          limits: {retries: 0}
"""
SERVICES = {
    "TbgisTrdarRelm": "commercial/documented_areas.json",
    "VwsmTrdarSelngQq": "commercial/sales.json",
    "VwsmAdstrdFlpopW": "commercial/population.json",
    "storeListInDong": "others/semas.json",
}
NOT_REGISTERED = "datagokr/gateway_30_service_key_not_registered.http200.xml"
NOTHING = '{"RESULT": {"CODE": "INFO-200", "MESSAGE": "해당하는 데이터가 없습니다."}}'

Ask = Callable[..., Any]


class Seoul:
    """Both portals; what *broken* names fails as they do."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken: dict[str, web.Response] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(str(request.rel_url))
        service = next(name for name in SERVICES if name in request.path)
        if service in self.broken:
            failure = self.broken[service]
            return web.Response(status=failure.status, body=failure.body)
        return web.Response(body=recorded(SERVICES[service]).body)


@asynccontextmanager
async def district(folder: Path, seoul: Seoul) -> AsyncIterator[Ask]:
    async with serving(seoul.handle) as base:
        text = CONFIG.replace("BASE", base).replace("FOLDER", str(folder))
        (folder / "config.yaml").write_text(text)
        config = load_config(folder / "config.yaml", KEYS)
        async with open_gateway(config) as gateway, served(gateway) as client:

            async def ask(area: str = "3110127", quarter: str = "20241") -> tuple[int, Any]:
                params = {"source": "district", "area": area, "quarter": quarter}
                async with client.get("/v1/search", params=params) as response:
                    return response.status, json.loads(await decoded(response))

            yield ask


async def test_a_report_of_one_district_is_one_record_with_everything_in_it(
    tmp_path: Path,
) -> None:
    seoul = Seoul()
    async with district(tmp_path, seoul) as ask:
        status, answer = await ask()
    assert status == 200
    (report,) = answer["items"]
    assert (answer["total"], answer["degraded"]) == (1, [])
    assert (report["id"], report["name"], report["district"]) == (
        "3110127", "성수1가1동주민센터", "성수1가1동"
    )  # fmt: skip
    assert len(report["sales"]) == 6
    assert (report["sales_won"], report["sales_count"]) == (1_034_171_583, 51_808)
    assert report["population"]["total"] == 3_077_879
    assert report["population"]["women"] == 1_588_410
    assert (report["store_count"], len(report["stores"])) == (3, 3)
    assert report["stores"][0]["category"] == "음식"
    credit = answer["attribution"]["text"]
    assert "서울 열린데이터광장" in credit
    assert "소상공인시장진흥공단" in credit


async def test_what_depends_on_the_area_is_asked_with_its_district(tmp_path: Path) -> None:
    seoul = Seoul()
    async with district(tmp_path, seoul) as ask:
        await ask()
    assert "/seoul-secret/json/VwsmTrdarSelngQq/1/1000/20241/3110127" in seoul.asked
    assert "/seoul-secret/json/VwsmAdstrdFlpopW/1/1000/20241/11200650" in seoul.asked
    (stores,) = [path for path in seoul.asked if "storeListInDong" in path]
    assert "divId=adongCd&key=11200650" in stores
    assert "serviceKey=data%2Bsecret%3D%3D" in stores
    assert "cx=" not in stores


async def test_a_part_that_fails_leaves_the_rest_and_says_so(tmp_path: Path) -> None:
    seoul = Seoul()
    seoul.broken["storeListInDong"] = web.Response(body=recorded(NOT_REGISTERED).body)
    seoul.broken["VwsmAdstrdFlpopW"] = web.Response(text=NOTHING)
    async with district(tmp_path, seoul) as ask:
        status, answer = await ask()
    (report,) = answer["items"]
    assert (status, answer["degraded"]) == (200, ["partial"])
    assert (report["stores"], report["store_count"]) == (None, None)
    assert report["population"] is None
    assert report["sales_won"] == 1_034_171_583


async def test_an_area_that_is_not_there_is_no_match(tmp_path: Path) -> None:
    async with district(tmp_path, Seoul()) as ask:
        status, answer = await ask(area="9999999")
    assert (status, answer["total"], answer["items"]) == (200, 0, [])


async def test_without_the_area_there_is_no_report_and_the_key_is_in_no_word_of_it(
    tmp_path: Path,
) -> None:
    seoul = Seoul()
    body = "<RESULT><CODE>INFO-100</CODE><MESSAGE>seoul-secret</MESSAGE></RESULT>"
    seoul.broken["TbgisTrdarRelm"] = web.Response(text=body)
    async with district(tmp_path, seoul) as ask:
        status, problem = await ask()
    assert status == 502
    assert problem["type"].endswith("auth-config")
    assert "seoul-secret" not in json.dumps(problem)


async def test_rows_of_which_only_some_were_seen_are_no_report(tmp_path: Path) -> None:
    whole = json.loads(recorded("commercial/sales.json").body)
    whole["VwsmTrdarSelngQq"]["list_total_count"] = 21_333
    seoul = Seoul()
    seoul.broken["VwsmTrdarSelngQq"] = web.Response(text=json.dumps(whole))
    async with district(tmp_path, seoul) as ask:
        _, answer = await ask()
    assert answer["degraded"] == ["partial"]
    assert answer["items"][0]["sales"] is None


async def test_what_is_wrong_in_a_part_is_named_with_its_path(tmp_path: Path) -> None:
    text = CONFIG.replace("FOLDER", str(tmp_path)).replace("BASE", "http://127.0.0.1:1")
    (tmp_path / "config.yaml").write_text(text.replace("{quarter}/{area}", "{quarters}/{area}"))
    with pytest.raises(ConfigError) as caught:
        async with open_gateway(load_config(tmp_path / "config.yaml", KEYS)):
            pass
    (fault,) = caught.value.faults
    assert fault.path == "sources.district.composite.parts.sales.request.url"


def test_the_keys_of_parts_are_secrets_too(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    config = load_config(tmp_path / "config.yaml", KEYS)
    assert {*KEYS.values()} <= {*config.secrets}


@pytest.mark.parametrize("wrong", [{"area": "성수"}, {"quarter": "2024"}])
async def test_a_wrong_parameter_is_refused_before_any_call(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    seoul = Seoul()
    async with district(tmp_path, seoul) as ask:
        status, problem = await ask(**wrong)
    assert (status, [problem["parameter"]], seoul.asked) == (400, [*wrong], [])
