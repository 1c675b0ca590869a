// Visits every page of a running box in headless Chromium: light, dark, phone, and with scripts off.
//
//   node tests/pages/check.js http://127.0.0.1:8080 NAME PASSWORD [FOLDER FOR PICTURES]
//
// Fails on a violation of WCAG 2.2 A or AA as axe-core finds them, on sideways scrolling, on pages that weigh too much,
// on requests to other places, and on messages of the browser such as breaches of the content security policy.
// Every page is measured in all four; axe goes over every page in light and dark, and over the first ones on the phone.
// Where scripts are off axe cannot run either.
// Needs Chromium at $CHROMIUM (/usr/bin/chromium), and playwright-core and axe-core where node finds them.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const FIRST_MOST = 40 * 1024;
const LATER_MOST = 12 * 1024;
const SETTLE_MS = 20000;
/** Pages that axe looks at on the phone: the ones whose layout differs most. */
const PHONE_AXE = 9;

const [base, name, password, pictures] = process.argv.slice(2);
if (!password) {
  console.error("usage: node check.js BASE-URL NAME PASSWORD [FOLDER]");
  process.exit(2);
}

const CONTEXTS = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: "light", viewport: { width: 320, height: 568 } },
  plain: { colorScheme: "dark", viewport: { width: 320, height: 568 }, javaScriptEnabled: false },
};

const PAGES = [
  "/", "/messages", "/messages?tab=held", "/messages?q=nothing-like-this", "/messages/aside", "/compose", "/mailbox", "/people",
  "/settings/box", "/settings/satellite-link", "/settings/on-air", "/settings/mail-in", "/settings/mail-out",
  "/settings/queue", "/settings/web-page", "/modem", "/account", "/setup/box", "/setup/modem", "/setup/people",
  "/setup/relay", "/setup/test", "/help/start", "/help/modem", "/help/mail-programs", "/help/states", "/help/cut",
  "/help/costs", "/help/known-issues", "/help/command-line", "/help/backup", "/no/such/page",
];

const faults = [];
const fault = (where, what) => {
  faults.push(`${where}: ${what}`);
  console.log(`FAULT ${where}: ${what}`);
};

/** Bytes on the wire since the page was opened; the weight of `first` visits counts style sheet, script and icon. */
function scale(page, where) {
  const state = { bytes: 0, requests: 0 };
  page.on("requestfinished", async (request) => {
    const sizes = await request.sizes().catch(() => null);
    if (!sizes || /status\.json|modem\/lines/.test(request.url())) return;
    state.bytes += sizes.responseBodySize + sizes.responseHeadersSize;
    state.requests += 1;
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(base)) fault(where(), `asks another place: ${request.url()}`);
  });
  page.on("console", (message) => {
    const expected = /status of (404|403|422)/.test(message.text());
    // Chromium says of plain HTTP that it ignores this header; over HTTPS it holds.
    if (message.type() === "error" && !expected && !/Cross-Origin-Opener-Policy/.test(message.text())) {
      fault(where(), message.text());
    }
  });
  page.on("pageerror", (error) => fault(where(), String(error)));
  return state;
}

async function look(page, where, scripts, axe) {
  const wide = scripts
    ? await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    : await page.locator("html").evaluate((root) => root.scrollWidth - root.clientWidth);
  if (wide > 0) fault(where, `scrolls sideways by ${wide} pixels`);
  if ((await page.locator("h1").count()) !== 1) fault(where, "has not exactly one h1");
  if ((await page.locator("main").count()) !== 1) fault(where, "has not exactly one main");
  if (!axe) return;
  await page.evaluate(AXE);
  const found = await page.evaluate((rules) => window.axe.run(document, { runOnly: rules }), RULES);
  for (const violation of found.violations) {
    for (const node of violation.nodes.slice(0, 3)) {
      fault(where, `${violation.id}: ${node.target.join(" ")} ${node.failureSummary.replace(/\s+/g, " ").slice(0, 240)}`);
    }
  }
}

async function logIn(page) {
  await page.goto(`${base}/login`);
  await page.fill("#name", name);
  await page.fill("#password", password);
  await Promise.all([page.waitForURL((url) => url.pathname !== "/login"), page.keyboard.press("Enter")]);
}

async function morePages(page) {
  const more = [];
  for (const [list, links, most] of [
    ["/messages", "td a[href^='/messages/m']", 3],
    ["/messages?tab=held", "td a[href^='/messages/m']", 1],
    ["/mailbox", "td a", 1],
    ["/people", "td a", 2],
  ]) {
    await page.goto(base + list);
    const hrefs = await page.locator(links).evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    more.push(...hrefs.slice(0, most));
  }
  return [...new Set(more)];
}

async function visit(browser, kind) {
  const context = await browser.newContext(CONTEXTS[kind]);
  const page = await context.newPage();
  page.setDefaultTimeout(SETTLE_MS);
  let at = "/login";
  const where = () => `${kind} ${at}`;
  const weight = scale(page, where);
  const scripts = CONTEXTS[kind].javaScriptEnabled !== false;
  await page.goto(`${base}/login`);
  await look(page, where(), scripts, scripts);
  await logIn(page);
  await page.waitForLoadState("networkidle").catch(() => {});
  if (weight.bytes > FIRST_MOST) fault(where(), `the first visit weighs ${weight.bytes} bytes`);
  console.log(`${kind}: first visit with log-in ${weight.bytes} bytes`);
  let heaviest = [0, ""];
  const targets = [...PAGES, ...(await morePages(page))];
  for (const [number, target] of targets.entries()) {
    at = target;
    Object.assign(weight, { bytes: 0, requests: 0 });
    await page.goto(base + target, { waitUntil: "load" });
    await page.waitForTimeout(30);
    if (weight.bytes > LATER_MOST) fault(where(), `weighs ${weight.bytes} bytes`);
    if (weight.bytes > heaviest[0]) heaviest = [weight.bytes, target];
    await look(page, where(), scripts, CONTEXTS[kind].viewport.width > 640 || (scripts && number < PHONE_AXE));
    if (pictures) {
      const file = `${kind}${target.replace(/[^a-z0-9]+/gi, "-")}.png`;
      await page.screenshot({ path: path.join(pictures, file), fullPage: true });
    }
  }
  console.log(`${kind}: heaviest later page ${heaviest[1]} with ${heaviest[0]} bytes`);
  await keyboard(page, () => at = "keyboard", where);
  await context.close();
}

/** Every link, button and field can be reached with Tab, and shows that it has the focus. */
async function keyboard(page, begin, where) {
  begin();
  await page.goto(`${base}/compose`);
  const wanted = await page.locator("a[href], button, input:not([type=hidden]), textarea, select, summary").count();
  const seen = new Set();
  for (let step = 0; step < wanted + 5; step += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return null;
      const index = [...document.querySelectorAll("*")].indexOf(at);
      return { index, outline: getComputedStyle(at).outlineStyle, tag: at.outerHTML.slice(0, 80) };
    });
    if (!focus) continue;
    seen.add(focus.index);
    if (focus.outline === "none") fault(where(), `no visible focus on ${focus.tag}`);
  }
  if (seen.size < wanted) fault(where(), `only ${seen.size} of ${wanted} controls are reached with Tab`);
}

(async () => {
  if (pictures) fs.mkdirSync(pictures, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
  });
  const kinds = (process.env.CONTEXTS || Object.keys(CONTEXTS).join(" ")).split(" ");
  for (const kind of kinds) await visit(browser, kind);
  await browser.close();
  console.log(faults.length ? `${faults.length} faults` : "no faults");
  process.exit(faults.length ? 1 : 0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
