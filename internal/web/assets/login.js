// The secret of a login link stands behind its #, which browsers send to nobody: here it
// is put into the form, and taken out of the address and the history.
"use strict";
const form = document.querySelector("form");
const secret = location.hash.slice(1);
if (secret) {
  history.replaceState(null, "", location.pathname);
  form.elements.secret.value = secret;
  form.submit();
}
