// How a page is judged: accessibility, sideways scrolling, weight, what the browser complains about, markup, the keyboard.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { HtmlValidate } = require("html-validate");
const { chromium } = require("playwright-core");

const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const FIRST_MOST = 40 * 1024;
const LATER_MOST = 12 * 1024;
const DESKTOP = { width: 1280, height: 900 };
const NARROW = { width: 320, height: 568 };
const PHONE = { width: 360, height: 740 };

/** What the HTML standard says of markup, as html-validate knows it. */
const judge = new HtmlValidate({ root: true, extends: ["html-validate:standard"] });

const faults = [];
const fault = (where, what) => {
  faults.push(`${where}: ${what}`);
  console.log(`FAULT ${where}: ${what}`);
};

/** Starts Chromium, which asks nothing of the world on its own: where there is no network it would wait for it. */
const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
      "--disable-sync", "--no-first-run", "--no-default-browser-check", "--no-proxy-server", "--disable-features=MediaRouter,OptimizationHints",
    ],
  });

/** Waits for a browser that closes, which under load may take minutes; the end of this program ends it as well. */
const ended = (closing) => Promise.race([closing, new Promise((done) => setTimeout(done, 5000))]);

/** Plays scenes one after the other, each with a limit of its own and the time that it took; ends the program with what was found. */
async function play(scenes) {
  const browser = await launch();
  const began = Date.now();
  for (const [name, seconds, scene] of scenes) {
    const started = Date.now();
    const limit = setTimeout(() => {
      console.error(`FAULT ${name}: not done after ${seconds} s`);
      process.exit(1);
    }, seconds * 1000);
    await scene(browser);
    clearTimeout(limit);
    console.log(`${((Date.now() - began) / 1000).toFixed(1)} s: ${name}, ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
  await ended(browser.close());
  console.log(faults.length ? `${faults.length} faults` : "no faults");
  process.exit(faults.length ? 1 : 0);
}

/** Counts what a person does from here on: taps and keys that press something, and fields that are written into. */
async function counted(tab) {
  tab.state.taps = 0;
  await tab.page.exposeFunction("tapped", () => { tab.state.taps += 1; });
  await tab.page.addInitScript(() => {
    const field = (at) => at instanceof Element && at.matches("input:not([type=checkbox], [type=radio], [type=submit]), textarea, select");
    addEventListener("click", (tap) => { if (tap.isTrusted && !field(tap.target)) window.tapped(); }, true);
    addEventListener("change", (change) => { if (field(change.target)) window.tapped(); }, true);
  });
  Object.assign(tab.state, { all: 0, since: Date.now() });
}

/** What it came to. */
function tally(tab, what) {
  const { state } = tab;
  const told = `${what}: ${state.taps} taps and fields, ${state.all} bytes, ${((Date.now() - state.since) / 1000).toFixed(1)} s`;
  console.log(told);
  return { taps: state.taps, bytes: state.all };
}

/** Opens a page, without transitions that would be judged half-way, whose bytes are counted and whose complaints are faults. `state.at` says where it is. */
async function open(browser, base, options, kind) {
  const context = await browser.newContext({ viewport: DESKTOP, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  const state = { at: "", bytes: 0, all: 0, heaviest: [0, ""] };
  const where = () => `${kind} ${state.at}`;
  page.on("requestfinished", async (request) => {
    const sizes = await request.sizes().catch(() => null);
    // The land of the map is loaded apart, once.
    if (sizes && !/\/live\?|\/lines|\/assets\/coast/.test(request.url())) {
      state.bytes += sizes.responseBodySize + sizes.responseHeadersSize;
    }
    if (sizes) state.all += sizes.responseBodySize + sizes.responseHeadersSize + sizes.requestBodySize + sizes.requestHeadersSize;
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(base)) fault(where(), `asks another place: ${request.url()}`);
  });
  page.on("console", (message) => {
    // A page that says no is meant to. Chromium says of plain HTTP that it ignores this header; over HTTPS it holds.
    const expected = /status of (401|404|403|422|429)|Cross-Origin-Opener-Policy|ERR_INTERNET_DISCONNECTED/.test(message.text());
    if (message.type() === "error" && !expected) fault(where(), `${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => fault(where(), String(error)));
  const go = async (target, most = LATER_MOST) => {
    Object.assign(state, { at: target, bytes: 0 });
    const response = await page.goto(base + target, { waitUntil: "load" });
    await settled(state);
    if (state.bytes > most) fault(where(), `weighs ${state.bytes} bytes`);
    await markup(where(), response);
    if (most === LATER_MOST && state.bytes > state.heaviest[0]) state.heaviest = [state.bytes, target];
    return response;
  };
  return { context, page, state, where, go, kind };
}

/** The page as it came is valid HTML. */
async function markup(where, response) {
  if (!/text\/html/.test(response.headers()["content-type"])) return;
  const report = await judge.validateString(await response.text());
  for (const message of report.results.flatMap((result) => result.messages)) {
    fault(where, `${message.ruleId}, line ${message.line}: ${message.message}`);
  }
}

/** The sizes of finished requests come a moment after them. */
async function settled(state) {
  for (let last = -1; last !== state.bytes; ) {
    last = state.bytes;
    await new Promise((done) => setTimeout(done, 25));
  }
}

async function outline(tab) {
  for (const [what, selector] of [["h1", "h1"], ["main", "main"]]) {
    if ((await tab.page.locator(selector).count()) !== 1) fault(tab.where(), `has not exactly one ${what}`);
  }
}

/** WCAG 2.2 A and AA, as far as axe-core sees them. */
async function axe(tab, what = "") {
  await tab.page.evaluate(AXE);
  const found = await tab.page.evaluate((rules) => window.axe.run(document, { runOnly: rules }), RULES);
  for (const violation of found.violations) {
    for (const node of violation.nodes.slice(0, 3)) {
      const words = node.failureSummary.replace(/\s+/g, " ").slice(0, 240);
      fault(tab.where() + what, `${violation.id}: ${node.target.join(" ")} ${words}`);
    }
  }
}

/** A page may not scroll sideways on the narrowest phone; and it stays as wide as it was. */
async function sideways(tab) {
  await tab.page.setViewportSize(NARROW);
  const wide = await tab.page.locator("html").evaluate((root) => root.scrollWidth - root.clientWidth);
  if (wide > 0) fault(tab.where(), `scrolls sideways by ${wide} pixels`);
  await tab.page.setViewportSize(DESKTOP);
}

/** Every link, button and field is reached with Tab and shows that it has the focus. */
async function keyboard(tab) {
  const controls = "a[href], button, input:not([type=hidden]), textarea, select, summary, [tabindex='0']";
  const wanted = await tab.page.evaluate((selector) => {
    const all = [...document.querySelectorAll(selector)].filter((at) => at.checkVisibility());
    const radios = new Set(all.filter((at) => at.type === "radio").map((at) => at.name));
    document.body.focus();
    return all.filter((at) => at.type !== "radio").length + radios.size;
  }, controls);
  const seen = new Set();
  for (let step = 0; step < wanted + 5 && seen.size < wanted; step += 1) {
    await tab.page.keyboard.press("Tab");
    const focus = await tab.page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return null;
      const index = [...document.querySelectorAll("*")].indexOf(at);
      return { index, outline: getComputedStyle(at).outlineStyle, tag: at.outerHTML.slice(0, 80) };
    });
    if (!focus) continue;
    seen.add(focus.index);
    if (focus.outline === "none") fault(tab.where(), `no visible focus on ${focus.tag}`);
  }
  if (seen.size < wanted) fault(tab.where(), `only ${seen.size} of ${wanted} controls are reached with Tab`);
}

/** Pictures of the page for somebody who wants to look at it: light and dark, desktop and phone. */
async function pictures(tab, folder, only) {
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  const name = tab.state.at.replace(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, "") || "dashboard";
  for (const colorScheme of ["light", "dark"]) {
    await tab.page.emulateMedia({ colorScheme });
    for (const [kind, size] of only ? [["phone", only]] : [["desktop", DESKTOP], ["phone", PHONE]]) {
      await tab.page.setViewportSize(size);
      await tab.page.screenshot({ path: path.join(folder, `${name}-${kind}-${colorScheme}.png`), fullPage: true });
    }
  }
  await tab.page.emulateMedia({ colorScheme: "light" });
  await tab.page.setViewportSize(only || DESKTOP);
}

module.exports = { FIRST_MOST, axe, counted, ended, fault, faults, keyboard, launch, open, outline, pictures, play, settled, sideways, tally };
