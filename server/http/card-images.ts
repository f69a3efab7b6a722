// A card as wallets show it.

export interface CardPicture {
  brand: string;
  collection: string;
  serial: number;
  maxSupply: number;
  tier: number;
}

/** The card as a picture. What can change, its status above all, is not on it: wallets keep pictures for long. */
export function cardSvg(card: CardPicture): string {
  const total = String(card.maxSupply);
  const serial = String(card.serial).padStart(total.length, "0");
  const font = "Georgia, 'Noto Serif CJK SC', 'Songti SC', serif";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" role="img" aria-label="${escapeXml(`${card.collection} ${serial} / ${total}`)}">
<defs><linearGradient id="ground" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#1d3b34"/><stop offset="1" stop-color="#0f211d"/></linearGradient></defs>
<rect width="640" height="400" rx="24" fill="url(#ground)"/>
<rect x="14" y="14" width="612" height="372" rx="14" fill="none" stroke="#c9b27c" stroke-width="1.5"/>
<rect x="20" y="20" width="600" height="360" rx="10" fill="none" stroke="#c9b27c" stroke-opacity="0.4"/>
<g fill="#f3ead3" font-family="${font}">
<text x="48" y="84" font-size="24" letter-spacing="3"${squeeze(card.brand, 24, 540)}>${escapeXml(card.brand)}</text>
<text x="48" y="212" font-size="44"${squeeze(card.collection, 44, 540)}>${escapeXml(card.collection)}</text>
<text x="48" y="340" font-size="34" fill="#e2cf9d">${serial}<tspan font-size="20" fill="#c9b27c"> / ${total}</tspan></text>
<text x="592" y="340" font-size="20" text-anchor="end" fill="#c9b27c">Tier ${card.tier}</text>
</g>
</svg>
`;
}

/** Squeezes a line that would run over the edge. */
function squeeze(line: string, size: number, width: number): string {
  let length = 0;
  // Chinese characters are as wide as they are high, Latin letters about half.
  for (const character of line) length += character.charCodeAt(0) > 0x2e80 ? size : size * 0.62;
  return length > width ? ` textLength="${width}" lengthAdjust="spacingAndGlyphs"` : "";
}

function escapeXml(value: string): string {
  return value
    .replace(/[^\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "")
    .replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
