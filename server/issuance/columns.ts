// Which column of a spreadsheet means what. Brands write headers in their own words, in English, Chinese or both.

import { IssuanceError, quoted } from "./problems.ts";

/** What a column can mean. */
export type ColumnName = "serial" | "holder" | "customer" | "tier" | "expiry" | "physical";

/** Headers by meaning. The first English and the first Chinese one are what messages and the guide suggest. */
const SYNONYMS: Record<ColumnName, readonly string[]> = {
  serial:
    "card number|编号|serial|serial number|serial no|card no|card|card id|no|nr|number|membership number|membership card number|卡号|会员卡号|会员卡编号|卡编号|卡片编号|号码|序列号|限量编号|收藏编号|卡號|編號|會員卡號".split(
      "|",
    ),
  holder:
    "holder address|持有人地址|holder|address|wallet|wallet address|owner|owner address|account|holder wallet|持有人|地址|钱包|钱包地址|持有者|持有者地址|区块链地址|链上地址|錢包地址".split(
      "|",
    ),
  customer:
    "customer reference|客户编号|customer|customer ref|customer id|customer no|customer number|customer code|client|client id|client number|client reference|member|member id|member no|member number|member reference|reference|ref|crm id|顾客|顾客编号|顾客号|顾客id|客户|客户号|客户代码|客户id|会员|会员id|会员号|会员标识|用户编号|用户id|顧客編號|客戶編號".split(
      "|",
    ),
  tier: "tier|等级|level|card tier|card level|membership tier|membership level|tier level|grade|会员等级|级别|会员级别|卡等级|卡级别|层级|档位|等級".split(
    "|",
  ),
  expiry:
    "expiry|到期日|expires|expires on|expires at|expire|expiry date|expiration|expiration date|expire date|valid until|valid to|valid through|valid thru|end date|有效期至|有效期|到期日期|到期时间|截止日期|失效日期|有效截止日期|有效期截止|有效日期|到期|有效至".split(
      "|",
    ),
  physical:
    "physical card number|实体卡号|physical card|physical card no|physical card id|physical number|physical no|printed number|printed card number|engraved number|实体卡编号|实体编号|实物卡号|实物编号|物理卡号|卡面号码|卡面编号|刻印编号|實體卡號".split(
      "|",
    ),
};

/** What messages call a column. */
export const COLUMN_TITLES: Record<ColumnName, string> = {
  serial: "card number / 编号",
  holder: "holder address / 持有人地址",
  customer: "customer reference / 客户编号",
  tier: "tier / 等级",
  expiry: "expiry / 到期日",
  physical: "physical card number / 实体卡号",
};

const BY_HEADER = new Map(
  (Object.keys(SYNONYMS) as ColumnName[]).flatMap((name) =>
    SYNONYMS[name].map((header) => [simplified(header), name] as const),
  ),
);

/** How many headers a message lists. */
const SHOWN_HEADERS = 30;

/** The place of each column in a record; absent where the file does not have it. */
export type Columns = Partial<Record<ColumnName, number>>;

/** What a header means; nothing if it is not known. */
export function columnNamed(header: string): ColumnName | undefined {
  const known = BY_HEADER.get(simplified(header));
  if (known !== undefined) return known;
  const withoutRemark = header.normalize("NFKC").replace(/\([^)]*\)|\[[^\]]*\]/g, "");
  const names = new Set(
    [withoutRemark, ...withoutRemark.split(/[/|\n]/)].flatMap((part) => BY_HEADER.get(simplified(part)) ?? []),
  );
  // "Card number / 卡号" is clear; "card number / tier" is not.
  if (names.size > 0) return names.size === 1 ? [...names][0] : undefined;
  // "卡号 Card No." is clear where both languages say the same.
  const chinese = BY_HEADER.get(simplified(withoutRemark.replace(/[^\p{Script=Han}]/gu, "")));
  const english = BY_HEADER.get(simplified(withoutRemark.replace(/\p{Script=Han}/gu, "")));
  return chinese === english ? chinese : undefined;
}

/**
 * Finds the columns of a header row. Throws {@link IssuanceError} if one stands twice or a required one is missing;
 * returns the headers that are not known, which the user is told about.
 */
export function findColumns(header: readonly string[]): { columns: Columns; unknown: string[] } {
  const columns: Columns = {};
  const unknown: string[] = [];
  const errors: string[] = [];
  header.forEach((text, index) => {
    const name = columnNamed(text);
    const before = name === undefined ? undefined : columns[name];
    if (name === undefined) {
      if (text.trim() !== "") unknown.push(text.trim());
    } else if (before === undefined) {
      columns[name] = index;
    } else {
      errors.push(`Two columns mean "${COLUMN_TITLES[name]}": ${quoted(header[before] ?? "")} and ${quoted(text)}.`);
    }
  });
  const missing: string[] = (["serial", "tier", "expiry"] as const)
    .filter((name) => columns[name] === undefined)
    .map((name) => `"${COLUMN_TITLES[name]}"`);
  if (columns.holder === undefined && columns.customer === undefined)
    missing.push(`"${COLUMN_TITLES.holder}" or "${COLUMN_TITLES.customer}"`);
  if (missing.length > 0) {
    const named = header.map((text) => text.trim()).filter((text) => text !== "");
    const more = named.length > SHOWN_HEADERS ? ` and ${named.length - SHOWN_HEADERS} more` : "";
    const found = `${named.slice(0, SHOWN_HEADERS).map(quoted).join(", ")}${more}`;
    errors.push(`The header row has no column ${missing.join(", no column ")}. Its columns are: ${found}.`);
    errors.push("The first row must name the columns in English or Chinese: add what is missing, or rename it.");
    if (columns.expiry === undefined) errors.push("Cards that never expire have an empty cell in the expiry column.");
  }
  if (errors.length > 0) throw new IssuanceError(errors.join("\n"));
  return { columns, unknown };
}

function simplified(header: string): string {
  return header
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "");
}
