/*
 * Behind the links of mails: sends the token of the link's fragment with what the form asks for. The token is taken out
 * of the address at once, so that it stands in no history; a fragment never leaves the browser by itself.
 */
"use strict";

const form = document.querySelector("form");
const said = document.getElementById("said");
const button = form.querySelector("button");
const token = new URLSearchParams(location.hash.slice(1)).get("token");

function say(text) {
    said.textContent = text;
}

function textOf(status, answer) {
    if (Array.isArray(answer.detail)) return answer.detail.map((entry) => entry.msg).join(". ");
    if (status === 429 || status === 503) return "Too much is going on at the moment: try again in a minute.";
    return answer.msg ?? answer.detail ?? "That did not work.";
}

async function send(event) {
    event.preventDefault();
    const [password, again] = [form.elements.password, form.elements.again];
    if (password && password.value !== again.value) {
        say("The two are not the same.");
        return;
    }
    button.disabled = true;
    try {
        const answer = await fetch(form.dataset.path, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ token, ...(password ? { new_password: password.value } : {}) }),
            credentials: "omit",
        });
        say(textOf(answer.status, await answer.json()));
        form.hidden = answer.ok;
    } catch {
        say("The server did not answer: try again in a minute.");
    }
    button.disabled = false;
}

history.replaceState(null, "", location.pathname);
if (token) {
    form.addEventListener("submit", send);
} else {
    form.hidden = true;
    say("The link is not complete: open it from the mail once more.");
}
