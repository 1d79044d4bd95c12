// What an administrator's browser can do on the page at /: let a board in that waits, and
// end its session. The session's cookie goes along by itself.
"use strict";
async function ask(button, path, body) {
  button.disabled = true;
  let wrong = "";
  try {
    const answer = await fetch(path, {method: "POST", headers: {"Content-Type": "application/json"}, body});
    if (!answer.ok) {
      const problem = await answer.json();
      wrong = problem.detail + (problem.hint ? ": " + problem.hint : "");
    }
  } catch (e) {
    wrong = String(e);
  }
  if (!wrong) {
    location.reload();
    return;
  }
  button.disabled = false;
  (document.getElementById("said") || button).textContent = wrong;
}
for (const button of document.querySelectorAll("button[data-device]")) {
  button.addEventListener("click", () => ask(button, "/api/v1/devices/" + encodeURIComponent(button.dataset.device) + "/approve",
    JSON.stringify({remote: button.dataset.remote})));
}
document.getElementById("out").addEventListener("click", event => ask(event.target, "/api/v1/logout", null));
