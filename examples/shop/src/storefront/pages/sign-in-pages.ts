// Where customers and staff say who they are.

import { type Html, html } from "../html.ts";
import type { Text } from "../text/text.ts";

export function signInPage(text: Text, { next }: { next: string }): Html {
  const words = text.signIn;
  return html`<div class="columns">
<section>
<h1>${words.heading}</h1>
<form method="post" action="/sign-in" class="stack">
<input type="hidden" name="next" value="${next}">
<label for="email">${words.email}</label>
<input id="email" name="email" type="email" required autocomplete="username">
<label for="password">${words.password}</label>
<input id="password" name="password" type="password" required autocomplete="current-password">
<button>${words.submit}</button>
</form>
</section>
<section>
<h2>${words.register}</h2>
<form method="post" action="/register" class="stack">
<input type="hidden" name="next" value="${next}">
<label for="name">${words.name}</label>
<input id="name" name="name" required maxlength="60" autocomplete="name">
<label for="new-email">${words.email}</label>
<input id="new-email" name="email" type="email" required autocomplete="email">
<label for="new-password">${words.newPassword}</label>
<input id="new-password" name="password" type="password" required minlength="8" maxlength="72" autocomplete="new-password">
<button>${words.submitRegister}</button>
</form>
</section>
</div>`;
}

export function staffSignInPage(text: Text): Html {
  return html`<h1>${text.staff.signIn}</h1>
<form method="post" action="/staff/sign-in" class="stack">
<label for="name">${text.staff.user}</label>
<input id="name" name="name" required autocomplete="username">
<label for="password">${text.signIn.password}</label>
<input id="password" name="password" type="password" required autocomplete="current-password">
<button>${text.signIn.submit}</button>
</form>`;
}
