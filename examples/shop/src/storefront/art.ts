// A drawing for each kind of product, in the page itself: nothing is fetched, and it takes the colours of the sheet.

import { Html } from "./html.ts";

const DRAWINGS: Record<string, string> = {
  fragrance: `<rect x="62" y="28" width="36" height="18" rx="3" class="dark"/><rect x="68" y="46" width="24" height="10" class="line"/><rect x="42" y="56" width="76" height="84" rx="10" class="glass"/><path d="M42 92h76v38a10 10 0 0 1-10 10H52a10 10 0 0 1-10-10z" class="gold"/><rect x="60" y="78" width="40" height="30" class="label"/>`,
  home: `<path d="M80 30c10 13 10 21 0 28-10-7-10-15 0-28z" class="gold"/><path d="M80 56v14" class="wick"/><rect x="46" y="70" width="68" height="70" rx="8" class="glass"/><rect x="46" y="88" width="68" height="52" rx="8" class="wax"/><rect x="62" y="102" width="36" height="22" class="label"/>`,
  reserve: `<circle cx="80" cy="34" r="12" class="gold"/><rect x="72" y="44" width="16" height="16" class="dark"/><path d="M80 58l38 36-14 46H56L42 94z" class="glass"/><path d="M48 98h64l-10 40H58z" class="gold"/>`,
  coffee: `<path d="M64 30c-6 8 6 12 0 22M80 26c-6 8 6 12 0 24M96 30c-6 8 6 12 0 22" class="steam"/><path d="M38 66h76v30a34 34 0 0 1-34 34h-8a34 34 0 0 1-34-34z" class="glass"/><path d="M114 74h8a14 14 0 0 1 0 28h-9" class="handle"/><ellipse cx="76" cy="67" rx="38" ry="8" class="dark"/><rect x="34" y="136" width="88" height="6" rx="3" class="line"/>`,
  membership: `<rect x="22" y="46" width="116" height="74" rx="9" class="dark"/><rect x="34" y="62" width="22" height="17" rx="3" class="gold"/><path d="M34 98h52M34 107h34" class="thin"/><circle cx="118" cy="100" r="9" class="gold"/>`,
};

export function drawing(category: string): Html {
  return new Html(
    `<svg class="art" viewBox="0 0 160 160" aria-hidden="true" focusable="false">${DRAWINGS[category] ?? DRAWINGS["home"]}</svg>`,
  );
}
