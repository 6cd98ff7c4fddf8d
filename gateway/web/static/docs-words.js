// What /docs says, in two languages. The routes' own descriptions come from /openapi.json.

export const words = {
  en: {
    skip: "To the routes", language: "Language", theme: "Colors", auto: "System", light: "Light", dark: "Dark",
    key: "API key or token", use: "Use", needs: "Needs the scope {0}", anybody: "Open to anybody",
    parameters: "Parameters", body: "Body (JSON)", required: "required", send: "Send", stop: "Stop", answers: "Answers",
    status: "Status", meaning: "Meaning", said: "Answer", took: "{0} in {1} ms", failed: "The gateway does not answer.",
    schema: "Schema of the body",
  },
  ko: {
    skip: "경로 목록으로", language: "언어", theme: "화면 색", auto: "시스템", light: "밝게", dark: "어둡게",
    key: "API 키 또는 토큰", use: "적용", needs: "권한 {0} 필요", anybody: "누구나 사용",
    parameters: "매개변수", body: "본문 (JSON)", required: "필수", send: "보내기", stop: "중지", answers: "응답",
    status: "상태", meaning: "뜻", said: "응답 내용", took: "{0} · {1} ms", failed: "게이트웨이가 응답하지 않습니다.",
    schema: "본문 스키마",
  },
};
