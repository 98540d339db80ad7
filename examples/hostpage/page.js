// SPDX-License-Identifier: Apache-2.0
// Puts the dashboard into the page. fetchGuestToken is called again before each token's end, for as long as the page is open.
"use strict";

const page = document.documentElement.dataset;

class SignedOut extends Error {}

function notice(text) {
  const place = document.getElementById("notice");
  place.hidden = false;
  place.replaceChildren(...text);
}

// Our backend asks rowgate, with the access token that it keeps for the person.
async function fromBackend() {
  return fetch("/guest-token", { method: "POST" });
}

// rowgate is asked by the browser, with the cookie of its own session: it must list this page's origin in frame_ancestors.
async function fromSession() {
  return fetch(`${page.rowgate}/.rowgate/guest-token`, {
    method: "POST",
    credentials: "include",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ resources: [{ type: "dashboard", id: page.dashboard }] }),
  });
}

async function fetchGuestToken() {
  const answer = await (page.way === "session" ? fromSession() : fromBackend());
  if (answer.status === 401) {
    const link = document.createElement("a");
    link.href = page.way === "session" ? `${page.rowgate}/.rowgate/login` : "/login";
    link.target = page.way === "session" ? "_blank" : "_self";
    link.textContent = "Sign in";
    notice(["You are signed out. ", link, "."]);
    document.getElementById("dashboard").replaceChildren();
    throw new SignedOut();
  }
  if (!answer.ok) {
    throw new Error(`guest token: ${answer.status}`);
  }
  return (await answer.json()).token;
}

if (page.signed === "in") {
  supersetEmbeddedSdk
    .embedDashboard({
      id: page.dashboard,
      supersetDomain: page.rowgate,
      mountPoint: document.getElementById("dashboard"),
      fetchGuestToken,
      dashboardUiConfig: { hideTitle: true, filters: { expanded: true, visible: true } },
      iframeTitle: "Sales dashboard",
      referrerPolicy: "strict-origin-when-cross-origin",
    })
    .catch((error) => error instanceof SignedOut || notice([`The dashboard cannot be shown: ${error.message}`]));
}
