// Reads every page that shows what strangers wrote, as the parser of a real browser does, and looks for what of it became part
// of the page. payloads.rs has written it.
//
//   node tests/features/pages/payloads.js BASE-URL PASSWORD FILE-WITH-PAYLOADS
//
// Each payload tries to make an element or an attribute whose name begins with x-p, or a link that runs something.
"use strict";

const fs = require("node:fs");
const { fault, open, play } = require("./look.js");

const [base, password, file] = process.argv.slice(2);
const payloads = JSON.parse(fs.readFileSync(file, "utf8"));

/** In the browser: the faults of these pages, and how many were read. */
async function read(targets) {
  const found = [];
  for (const target of targets) {
    const answer = await fetch(target, { redirect: "follow" });
    if (answer.status >= 500) found.push(`${target}: answers ${answer.status}`);
    if (!/text\/html/.test(answer.headers.get("content-type") || "")) continue;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const at of page.querySelectorAll("*")) {
      const names = [at.localName, ...[...at.attributes].map((attribute) => attribute.name)];
      if (names.some((name) => name.startsWith("x-p"))) found.push(`${target}: ${at.outerHTML.slice(0, 120)}`);
      for (const name of ["href", "src", "action", "formaction"]) {
        const value = at.getAttribute(name);
        if (value === null) continue;
        const url = new URL(value, location.href);
        if (url.origin !== location.origin) found.push(`${target}: ${name}=${value}`);
      }
      if (at.localName === "script" && !at.getAttribute("src")) found.push(`${target}: a script in the page`);
    }
    if (/62615533/.test(page.body.textContent)) found.push(`${target}: a template ran`);
    if (page.querySelectorAll("main").length !== 1) found.push(`${target}: has not exactly one main`);
  }
  return found;
}

async function everything(browser) {
  const tab = await open(browser, base, {}, "payloads");
  const { page } = tab;
  await tab.go("/login", 40 * 1024);
  await page.fill("#name", "anna");
  await page.fill("#password", password);
  await Promise.all([page.waitForURL(`${base}/`), page.keyboard.press("Enter")]);
  const targets = ["/", "/mailbox", "/messages", "/messages?tab=held", "/people", "/people/anna", "/far-boxes", "/audit", "/log-ins", "/account", "/about", "/about/log", "/usage", "/costs", "/links", "/settings/box", "/setup/box", "/health", "/position"];
  payloads.forEach((payload, at) => {
    const word = encodeURIComponent(payload), id = `m${at + 1}`;
    targets.push(`/messages/${id}`, `/messages/${id}?whole=1`, `/mailbox/${id}`, `/mailbox?before=${at + 2}`, `/compose?forward=${id}`, `/compose?reply=${id}`);
    targets.push(`/mailbox?q=${word}`, `/messages?q=${word}`, `/audit?q=${word}`, `/about/log?q=${word}`, `/usage?person=${word}`, `/costs?month=${word}`, `/login?next=${word}`, `/help/${word}`, `/${word}`);
  });
  for (let from = 0; from < targets.length; from += 100) {
    for (const what of await page.evaluate(read, targets.slice(from, from + 100))) fault(tab.where(), what);
  }
  console.log(`${payloads.length} payloads on ${targets.length} pages`);
  await tab.context.close();
}

play([["payloads", 400, everything]]).catch((error) => {
  console.error(error);
  process.exit(1);
});
