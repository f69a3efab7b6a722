// What strangers send instead of what is asked for. Each piece is one that has broken some server somewhere.

import fc, { type Arbitrary } from "fast-check";

const DIGITS = "9".repeat(78);
const UUID = "00000000-0000-0000-0000-000000000000";

const STRINGS = [
  ...[
    "",
    " ",
    "\t",
    "\r\n",
    "\0",
    "a\0b",
    "\u0001\u001f\u007f",
    "\ufeff",
    "\u202egnirts",
    "\ud800",
    "a\udc00b",
    "\uffff",
  ],
  ...["é", "e\u0301", "ﬁ", "Ⅸ", "İ", "ß", "４２", "会员卡", "👩‍👩‍👧‍👦", "z̸̧̈́a̷l̴g̵o̶", "𝒳".repeat(40)],
  ...["0", "-0", "-1", "00", "1.5", "1e3", "1e309", "0x10", "NaN", "Infinity", "null", "true", DIGITS, `-${DIGITS}`],
  ...["2147483647", "2147483648", "4294967296", "9007199254740993", "9223372036854775807", "9223372036854775808"],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "' OR 1=1 --",
    '"; DROP TABLE "Card"; --',
    "%",
    "_",
    "\\",
  ],
  ...[
    "../../etc/passwd",
    "#{7*7}",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "a,b",
    "a&b=c",
    "a;b",
    "#",
    "?",
    "/",
    "//",
    ".",
  ],
  ...[
    "0x",
    `0x${"00".repeat(20)}`,
    `0x${"fF".repeat(20)}`,
    `0x${"0".repeat(64)}`,
    `ord_${"-".repeat(36)}`,
    `ord_${UUID}`,
  ],
  ...[
    `red_${UUID}`,
    `cus_${UUID}`,
    `imp_${UUID}`,
    "mm_",
    "whsec_",
    "http://127.0.0.1:1/",
    "http://[::1]/",
    "file:///etc/passwd",
  ],
  ...[
    "P0Y",
    "P9999Y",
    "P99999999999D",
    "2026-02-30T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "+275760-09-13T00:00:00.001Z",
  ],
];
const LONG = [200, 201, 1_000, 8_000].map((length) => "a".repeat(length));

export const hostileString: Arbitrary<string> = fc.oneof(
  { arbitrary: fc.constantFrom(...STRINGS), weight: 6 },
  { arbitrary: fc.constantFrom(...LONG), weight: 1 },
  { arbitrary: fc.string({ unit: "binary", maxLength: 12 }), weight: 2 },
  { arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }), weight: 1 },
);

const NUMBERS = [
  0,
  -0,
  -1,
  0.1,
  1.5,
  255,
  256,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  1e21,
  1e308,
  5e-324,
];

export const hostileJson: Arbitrary<unknown> = fc.oneof(
  { arbitrary: hostileString, weight: 4 },
  { arbitrary: fc.constantFrom(...NUMBERS, ...NUMBERS.map((number) => -number)), weight: 3 },
  {
    arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { toString: 1 }, { length: -1 }),
    weight: 2,
  },
  { arbitrary: fc.jsonValue({ maxDepth: 3 }), weight: 2 },
  { arbitrary: fc.nat({ max: 300 }).map((length) => Array(length).fill("a")), weight: 1 },
);

export const hostileName: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "prototype",
    "",
    "a.b",
    "a[b]",
    "a\0",
    "$ne",
    "id",
    "brandId",
  ),
  hostileString,
);

/** As they are: not encoded as they ought to be, or decoded once too often. */
export const rawPathPart: Arbitrary<string> = fc.constantFrom(
  ...[
    "%",
    "%Z",
    "%ZZ",
    "%00",
    "%2",
    "%F0%28%8C%28",
    "%C0%80",
    "%ED%A0%80",
    "%FF",
    "%252e",
    "%2e%2e%2f",
    "..%2f..%2f",
    "%2F",
  ],
  ...[
    "..",
    ".",
    ";a=b",
    "*",
    "a//b",
    "a/../b",
    "\\",
    "|",
    '"',
    "<>",
    "^",
    "`",
    "{x}",
    "%0d%0aSet-Cookie:a=b",
    "%u0041",
    "+",
  ],
  ...[DIGITS, "é", "%".repeat(100), "a/".repeat(200)],
);

export const rawQuery: Arbitrary<string> = fc.constantFrom(
  ...[
    "&",
    "=",
    "==",
    "&&&=&",
    "a",
    "=a",
    "%",
    "limit=%ZZ",
    "limit=1&limit=2",
    "limit[]=1",
    "limit[a]=1",
    "limit=%00",
    "?",
    "#",
  ],
  ...[
    "__proto__=1",
    "constructor[prototype]=1",
    "atBlock=1;atBlock=2",
    `cursor=${"A".repeat(4_000)}`,
    "a=b&".repeat(500),
  ],
);

/** Bodies that are no JSON, or JSON that no program should write. */
export const rawBody: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    ...[
      "",
      " ",
      "{",
      "}",
      '{"a":',
      '{"a":1,}',
      "{'a':1}",
      "[",
      "[]",
      "null",
      "true",
      "0",
      '""',
      "NaN",
      "undefined",
      "\ufeff{}",
    ],
    ...[
      '{"a":1e999}',
      '{"a":-1e-999}',
      `{"a":${DIGITS}}`,
      '{"a":1,"a":2}',
      '{"__proto__":{"a":1}}',
      '{"\\u0000":"\\u0000"}',
    ],
    ...[
      '{"a":"\\ud800"}',
      '{"a":"\\x"}',
      "{}{}",
      "{}\0",
      "\0",
      `${"[".repeat(20_000)}`,
      `${"[".repeat(5_000)}${"]".repeat(5_000)}`,
    ],
    ...[
      `{"a":${'{"a":'.repeat(3_000)}1${"}".repeat(3_000)}}`,
      `"${"a".repeat(300_000)}"`,
      `{"a":"${"é".repeat(140_000)}"}`,
    ],
    ...["a=1&b=2", "<xml/>", "--boundary\r\n"],
  ),
  fc.string({ unit: "binary", maxLength: 40 }),
);

export const contentType: Arbitrary<string> = fc.constantFrom(
  ...[
    "",
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/json5",
  ],
  ...[
    "application/json; charset=utf-16",
    "application/json; charset=nonsense",
    "application/json;",
    "APPLICATION/JSON",
    "*/*",
  ],
  ...[
    "application/problem+json",
    "application/merge-patch+json",
    "text/csv",
    "application/octet-stream",
    "json",
    "/",
    ";",
  ],
);

/** Values that may stand in a header; what Node refuses by itself before anybody else has seen it (`Expect`) is left out. */
const headerValue = fc.oneof(
  fc.constantFrom(
    "",
    "*",
    ",",
    ";",
    '"',
    "W/",
    'W/"',
    ",,,,",
    "é",
    "a".repeat(3_000),
    "-1",
    "0",
    DIGITS,
    "%00",
    "null",
    "%{x}",
  ),
  fc.string({ maxLength: 30 }).map((text) => text.replaceAll(/[^ -~]/g, "")),
);
const HEADERS: Record<string, string[]> = {
  Authorization: [
    "Bearer",
    "Bearer ",
    "bearer mm_x",
    "Basic YTpi",
    "Bearer mm_x mm_y",
    `Bearer mm_${"a".repeat(2_000)}`,
    "Bearer é",
  ],
  Cookie: ["a", "=", "better-auth.session_token=x", "mintmark.session_token=x.y", "a=%ZZ", `a=${"b".repeat(2_000)}`],
  "Content-Encoding": ["gzip", "br", "deflate", "zstd", "nonsense", "gzip, gzip"],
  "If-None-Match": ["*", '"a"', 'W/"a", "b"', '"', "W/"],
  "Idempotency-Key": ["", " ", "a b", "é", "a".repeat(255), "a".repeat(256), "key-1"],
  "X-Request-Id": ["", "short", "<script>", "a".repeat(65), "../../../x", "from-a-client"],
  "X-Forwarded-For": ["", "x", "1.2.3.4, 5.6.7.8", "999.999.999.999", "::1", "[::1]:80", "a".repeat(500)],
  "X-Forwarded-Proto": ["https", "javascript"],
  "X-Forwarded-Host": ["evil.example", '"><script>'],
  "X-HTTP-Method-Override": ["DELETE"],
  Accept: ["text/html", "application/xml", "*/*;q=0", ";;;"],
  "Accept-Language": ["zh-CN", "x", ";q=2", "*"],
  Host: ["evil.example", "127.0.0.1:99999", "[", "a b"],
  Origin: ["null", "https://evil.example", "x"],
  Range: ["bytes=0-0", "bytes=-1", "x"],
};

export const oddHeader: Arbitrary<{ name: string; value: string }> = fc
  .constantFrom(...Object.entries(HEADERS))
  .chain(([name, values]) =>
    fc.record({ name: fc.constant(name), value: fc.oneof(fc.constantFrom(...values), headerValue) }),
  );

/** What a spreadsheet may look like, and what may be uploaded as one. */
export const upload: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    ...[
      "serial,holder,tier,expiry\n1,CRM-1,1,2027-12-31\n",
      "serial\n",
      "",
      "PK\u0003\u0004",
      "\ufeffserial,holder\r\n1,2\r\n",
    ],
    ...['a,"b\n', "\0\0\0", `${"a,".repeat(20_000)}\n`, '{"type":"charge.succeeded"}', "{}", "[]", "null"],
  ),
  fc.string({ unit: "binary", maxLength: 60 }),
);
