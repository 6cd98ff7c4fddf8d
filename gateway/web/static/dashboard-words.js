// What /dashboard says, in two languages.

import { translator } from "./settings.js";

const en = {
  skip: "To the search", now: "Now", language: "Language", theme: "Colors", auto: "System", light: "Light", dark: "Dark",
  doorTitle: "Show a key", enter: "Enter", leave: "Forget the key", keyLabel: "API key or token",
  doorWhy: "A key or token with the scope “stats”. It stays in this tab and is forgotten with it.",
  refused401: "Nobody is known by this key.", refused403: "This key may not see the statistics: it lacks the scope “stats”.",
  connecting: "Connecting", on: "Live", off: "Not connected; trying again", uptime: "up {0}",
  rate: "Lookups per second", ratio: "Hit ratio", p95: "95 % answered within", saved: "Saved today", flights: "Fetches now",
  sinceStart: "{0} since the start", ratioMore: "{0} in the last two minutes", p50More: "half within {0}", spentMore: "{0} spent",
  oldest: "oldest {0} · {1} waiting", none: "none in progress",
  flow: "How lookups were answered", share: "Who had the answer", latency: "Latency by tier", latencyHint: "● half · ─ 95 % · | 99 %, scale by powers of ten",
  hit: "Fresh", stale: "Stale", miss: "Fetched", collapsed: "Shared a fetch", similar: "Similar", failed: "Failed",
  memory: "Memory", redis: "Redis", database: "Database", upstream: "Upstream", summary: "Summary", total: "In all",
  tiersShare: "{0} of {1} reads", hitsOf: "{0} of reads found it", quietYet: "No lookup yet. Ask for something below.",
  perSecond: "{0}/s", ago: "2 minutes ago", justNow: "now", flowLabel: "Lookups per second over two minutes; now {0}",
  rangesLabel: "{0}: half within {1}, 95 % within {2}, 99 % within {3}",
  race: "{0} won: {1} against {2} ({3})", raceWins: "{0} of {1}",
  upstreams: "Circuits and quotas", closed: "closed", open: "open", "half-open": "on trial", noQuota: "no quota", of: "{0} of {1}",
  day: "today", hour: "hour", minute: "minute", second: "second", month: "month",
  money: "Money", spent: "Spent", savedWord: "Saved", wasted: "Wasted", bySource: "By source", byModel: "By model",
  calls: "{0} calls · {1} tokens", noMoney: "No summary has cost anything today.",
  popular: "Asked most", query: "Query", source: "Source", often: "Lookups", perDay: "Per day", noPopular: "Nothing is popular yet.", ask: "Look up {0}",
  slow: "Slow queries, lookups and routes", statement: "Statement", time: "Time", count: "Count", plan: "Plan", noSlow: "Nothing was slow.",
  statements: "Statements", lookups: "Lookups", routes: "Routes", slowest: "Slowest", mean: "Mean", key: "Key", outcome: "Answered", route: "Route", p95short: "95 %", queries: "Queries each",
  lookup: "Look something up", q: "Query", keyword: "Angle of the summary", find: "Look up", noSource: "No source is visible to this key.",
  way: "Its way", wayLabel: "{0}: began after {1}, took {2}", took: "{0} here, {1} in the gateway",
  fromTier: "From {0}, {1} old", fromUpstream: "Fetched from the upstream just now", fromSimilar: "A similar query’s answer", fromCollapsed: "Shared another’s fetch",
  staleWord: "stale", degradedWord: "lacks", nothing: "Nothing was found.", found: "{0} found, {1} shown", by: "by {0}", grounded: "checked against the records", ungrounded: "not checked",
  refresh: "Ask anew", drop: "Withdraw this answer", dropSource: "Withdraw all of “{0}”", yes: "Withdraw", no: "Keep",
  sureKey: "Withdraw the kept answer to “{0}”? The next lookup asks the upstream.", sureSource: "Withdraw every kept answer of “{0}”? Each next lookup asks the upstream.",
  dropped: "Withdrawn: {0} in the database, {1} in Redis; position {2}", mayNot: "This key may not do that: it lacks the scope “invalidate”.",
  fault: "{0} {1}", unreachable: "The gateway does not answer.", records: "Records", raw: "JSON",
};

const ko = {
  skip: "검색으로 가기", now: "현재", language: "언어", theme: "화면 색", auto: "시스템", light: "밝게", dark: "어둡게",
  doorTitle: "키 입력", enter: "들어가기", leave: "키 지우기", keyLabel: "API 키 또는 토큰",
  doorWhy: "“stats” 권한이 있는 키나 토큰이 필요합니다. 이 탭에만 보관되며 탭을 닫으면 사라집니다.",
  refused401: "알 수 없는 키입니다.", refused403: "이 키에는 “stats” 권한이 없어 통계를 볼 수 없습니다.",
  connecting: "연결 중", on: "실시간", off: "연결 끊김, 다시 시도 중", uptime: "가동 {0}",
  rate: "초당 조회", ratio: "적중률", p95: "95 % 응답 시간", saved: "오늘 절약", flights: "진행 중인 호출",
  sinceStart: "시작 후 {0}건", ratioMore: "최근 2분 {0}", p50More: "절반은 {0} 이내", spentMore: "지출 {0}",
  oldest: "가장 오래된 것 {0} · 대기 {1}", none: "진행 중인 것 없음",
  flow: "응답 방식", share: "응답한 계층", latency: "계층별 지연 시간", latencyHint: "● 절반 · ─ 95 % · | 99 %, 로그 눈금",
  hit: "최신", stale: "오래됨", miss: "새로 가져옴", collapsed: "호출 공유", similar: "유사 답변", failed: "실패",
  memory: "메모리", redis: "Redis", database: "데이터베이스", upstream: "업스트림", summary: "요약", total: "전체",
  tiersShare: "읽기 {1}건 중 {0}건", hitsOf: "읽기의 {0}에서 찾음", quietYet: "아직 조회가 없습니다. 아래에서 찾아보세요.",
  perSecond: "초당 {0}", ago: "2분 전", justNow: "지금", flowLabel: "2분간 초당 조회 수, 현재 {0}",
  rangesLabel: "{0}: 절반 {1}, 95 % {2}, 99 % {3} 이내",
  race: "{0} 승: {1} 대 {2} ({3})", raceWins: "{1}번 중 {0}번",
  upstreams: "차단기와 할당량", closed: "정상", open: "차단됨", "half-open": "시험 중", noQuota: "할당량 없음", of: "{1} 중 {0}",
  day: "오늘", hour: "시간", minute: "분", second: "초", month: "월",
  money: "비용", spent: "지출", savedWord: "절약", wasted: "낭비", bySource: "소스별", byModel: "모델별",
  calls: "호출 {0} · 토큰 {1}", noMoney: "오늘 비용이 든 요약이 없습니다.",
  popular: "많이 찾은 것", query: "검색어", source: "소스", often: "조회", perDay: "하루", noPopular: "아직 인기 검색어가 없습니다.", ask: "{0} 찾기",
  slow: "느린 쿼리, 조회, 경로", statement: "문장", time: "시간", count: "횟수", plan: "실행 계획", noSlow: "느린 것이 없습니다.",
  statements: "쿼리", lookups: "조회", routes: "경로", slowest: "최장", mean: "평균", key: "키", outcome: "응답", route: "경로", p95short: "95 %", queries: "요청당 쿼리",
  lookup: "찾아보기", q: "검색어", keyword: "요약의 관점", find: "찾기", noSource: "이 키로 볼 수 있는 소스가 없습니다.",
  way: "거쳐 온 길", wayLabel: "{0}: {1} 뒤 시작, {2} 걸림", took: "여기서 {0}, 게이트웨이에서 {1}",
  fromTier: "{0}에서, {1} 전 자료", fromUpstream: "방금 업스트림에서 가져옴", fromSimilar: "유사한 검색어의 답변", fromCollapsed: "다른 요청의 호출을 함께 씀",
  staleWord: "오래됨", degradedWord: "빠진 것", nothing: "찾은 것이 없습니다.", found: "{0}건 중 {1}건 표시", by: "작성 {0}", grounded: "원문과 대조함", ungrounded: "대조하지 않음",
  refresh: "새로 가져오기", drop: "이 답변 회수", dropSource: "“{0}” 전체 회수", yes: "회수", no: "유지",
  sureKey: "“{0}”의 보관된 답변을 회수할까요? 다음 조회는 업스트림에 묻습니다.", sureSource: "“{0}”의 보관된 답변을 모두 회수할까요? 다음 조회마다 업스트림에 묻습니다.",
  dropped: "회수함: 데이터베이스 {0}건, Redis {1}건, 위치 {2}", mayNot: "이 키에는 “invalidate” 권한이 없습니다.",
  fault: "{0} {1}", unreachable: "게이트웨이가 응답하지 않습니다.", records: "레코드", raw: "JSON",
};

export const say = translator({ en, ko });

export function sayAll() {
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
}
