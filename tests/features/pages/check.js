// Claims a new box, sets it up and walks through all of its pages in headless Chromium; browser.rs starts the box.
//
//   node tests/features/pages/check.js BASE-URL CLAIM-CODE MODEM-PORT MODEM-CONTROL [FOLDER FOR PICTURES]
//
// Fails on a violation of WCAG 2.2 A or AA as axe-core finds them, on sideways scrolling at 320 px, on pages that weigh
// too much, on requests to other places, on messages of the browser such as breaches of the content security policy,
// on controls that the keyboard does not reach, and on forms that need a script.
// Needs Chromium at $CHROMIUM (/usr/bin/chromium), and playwright-core, axe-core and html-validate in $NODE_PATH.
"use strict";

const net = require("node:net");
const { FIRST_MOST, axe, counted, fault, keyboard, open, outline, pictures, play, settled, sideways, tally } = require("./look.js");

const [base, code, port, control, folder] = process.argv.slice(2);
if (!control) {
  console.error("usage: node check.js BASE-URL CLAIM-CODE MODEM-PORT MODEM-CONTROL [FOLDER]");
  process.exit(2);
}

const OWNER = { name: "anna", password: "nine words that nobody would ever guess" };
const PERSON = { name: "bert", password: "another few words of his own" };
/** From the code to the first message that arrived, a wrong code among it, and a log-in that ends. */
const HOUR_TAPS = 32;
const HOUR_BYTES = 150000;
/** How soon the dashboard tells that the modem fell silent: 5 s, and one for a machine that is busy with other tests. */
const TELLS_MS = 6000;

const PAGES = [
  "/", "/messages", "/messages?tab=waiting", "/messages?q=nothing-like-this", "/messages/quarantine", "/compose", "/mailbox",
  "/people", "/people/bert", "/far-boxes", "/far-boxes/1", "/far-boxes/1/position", "/links", "/links/m138", "/account", "/settings/box", "/settings/on-air",
  "/settings/mail-in", "/settings/mail-out", "/settings/queue", "/settings/web-page",
  "/settings/money", "/settings/text-messages", "/settings/who-may-write-over-the-air", "/setup/box", "/setup/link",
  "/setup/people", "/setup/test", "/help/start", "/help/modem", "/help/links", "/help/mail-programs", "/help/states", "/help/cut", "/help/far-boxes", "/help/iridium",
  "/help/costs", "/help/known-issues", "/help/command-line", "/help/backup", "/help/metrics",
  "/help/on-air", "/help/strangers", "/help/texting", "/usage", "/usage?by=month", "/usage?by=person", "/costs", "/audit",
  "/log-ins", "/about", "/about/log", "/health", "/position", "/position?days=31&view=7", "/mailbox?q=test", "/no/such/page",
];
/** Pages that differ most: also judged in the dark. */
const DARK = ["/", "/messages", "/links/m138", "/compose", "/settings/mail-in", "/help/states"];
const TABBED = ["/", "/compose", "/messages", "/people", "/people/bert", "/links/m138", "/settings/mail-in", "/help/modem"];

const words = (page, selector) => page.locator(selector).first().innerText();
const press = (page, name) => page.getByRole("button", { name, exact: true }).first();

/** Presses a button and waits for the page after it. */
async function submit(page, name) {
  await Promise.all([page.waitForEvent("framenavigated"), press(page, name).click()]);
  await page.waitForLoadState("load");
}

async function expect(tab, what, test) {
  if (!(await test)) fault(tab.where(), `${what}; the page says: ${(await words(tab.page, "main")).slice(0, 400)}`);
}

/** Tells the simulated modem something. */
function modem(command) {
  return new Promise((done, failed) => {
    const socket = net.connect(control, () => socket.write(`${command}\n`));
    socket.once("data", () => socket.end(done));
    socket.once("error", failed);
  });
}

async function lookAt(tab) {
  await outline(tab);
  await axe(tab);
  await sideways(tab);
  await pictures(tab, folder);
}

/** A new box: the code from its log makes an owner, and five steps make it work. */
async function setUp(browser) {
  const tab = await open(browser, base, {}, "set-up");
  const { page } = tab;
  await counted(tab);
  await tab.go("/", FIRST_MOST);
  tab.state.at = "/setup";
  await lookAt(tab);
  await page.fill("#code", "0000-0000");
  for (const [field, value] of [["name", OWNER.name], ["password", OWNER.password], ["again", OWNER.password]]) {
    await page.fill(`#${field}`, value);
  }
  await submit(page, "Claim the box");
  await expect(tab, "a wrong code is not refused in words", page.getByText("not the code of this box").isVisible());
  await page.fill("#code", code.toLowerCase());
  await page.fill("#full_name", "Anna Example");
  await page.fill("#password", OWNER.password);
  await page.fill("#again", OWNER.password);
  await submit(page, "Claim the box");
  // The log-in ends while the first step is filled in: it is done after the next one.
  await tab.context.clearCookies();
  await step(tab, "/setup/box", "Save and go on", [["box.name", "Sea Otter"], ["box.domain", "boat.example"]], [["box.reach", "satellite"]]);
  await page.fill("#name", OWNER.name);
  await page.fill("#password", OWNER.password);
  await Promise.all([page.waitForURL(`${base}/setup/link`), press(page, "Log in").click()]);
  await step(tab, "/setup/link", "Choose", [], [["driver", "m138"]]);
  await step(tab, "/setup/link", "Save and test", [["m138.port", port], ["link.price", "0.07"]], []);
  await page.locator("#test dd", { hasText: "0x001abe" }).waitFor();
  await page.locator("#lines li.sent").first().waitFor();
  await pulled(tab);
  // Nothing is left to skip once the modem has answered, also on the page that was open before.
  await page.getByRole("link", { name: "Skip", exact: true }).waitFor({ state: "detached" });
  await lookAt(tab);
  await tab.go("/setup/people");
  const person = [["name", PERSON.name], ["full_name", "Bert Example"], ["password", PERSON.password]];
  await step(tab, "/setup/people", "Add and go on", person, []);
  await step(tab, "/setup/test", "Send the test message", [], []);
  await page.locator(".badge", { hasText: "delivered" }).first().waitFor();
  const { taps, bytes } = tally(tab, "an owner's first hour");
  if (taps > HOUR_TAPS || bytes > HOUR_BYTES) fault(tab.where(), `an owner's first hour takes ${taps} taps and ${bytes} bytes`);
  tab.state.at = "/messages/m1";
  await lookAt(tab);
  return tab;
}

/** The modem is pulled in the middle of its test, and the line to the box is cut: the page says both, and goes on by itself. */
async function pulled(tab) {
  const { page, context } = tab;
  const verdict = (word) => page.locator("main .badge", { hasText: word }).first().waitFor();
  await verdict(/^ready$/);
  await modem("unplug");
  await verdict(/^not ready$/);
  await context.setOffline(true);
  await page.locator("#age:not([hidden])").waitFor();
  await modem("plug");
  await context.setOffline(false);
  await page.locator("#age").waitFor({ state: "hidden" });
  await verdict(/^ready$/);
}

async function step(tab, place, button, fields, choices) {
  if (new URL(tab.page.url()).pathname !== place) fault(tab.where(), `leads to ${tab.page.url()} and not to ${place}`);
  tab.state.at = place;
  for (const [name, value] of fields) await tab.page.locator(`[name="${name}"]`).fill(value);
  for (const [name, value] of choices) await tab.page.locator(`[name="${name}"]`).selectOption(value);
  await submit(tab.page, button);
}

async function everyPage(tab) {
  for (const target of PAGES) {
    await tab.go(target);
    await lookAt(tab);
    if (DARK.includes(target)) {
      await tab.page.emulateMedia({ colorScheme: "dark" });
      await axe(tab, " in the dark");
      await tab.page.emulateMedia({ colorScheme: "light" });
    }
    if (TABBED.includes(target)) await keyboard(tab);
  }
  console.log(`heaviest page: ${tab.state.heaviest[1]}, ${tab.state.heaviest[0]} bytes`);
}

/** From the front page to the list of messages, and a message read, without a mouse. */
async function byKeyboard(tab) {
  const { page } = tab;
  await tab.go("/");
  for (const wanted of ["/messages", "/messages/m1"]) {
    for (let at = ""; at !== wanted; ) {
      await page.keyboard.press("Tab");
      at = await page.evaluate(() => document.activeElement.getAttribute("href") || document.activeElement.tagName);
      if (at === "BODY") return fault(tab.where(), `${wanted} is not reached with Tab`);
    }
    await Promise.all([page.waitForURL(base + wanted), page.keyboard.press("Enter")]);
  }
  await expect(tab, "the message is not there", page.getByText("A test message from Sea Otter").isVisible());
}

/** A line sent by hand needs the password, and its answer appears without a reload. */
async function console_(tab) {
  const { page } = tab;
  await tab.go("/links/m138");
  if (await page.locator("#line").count()) fault(tab.where(), "the console is open without a password");
  await page.fill("[name=password]", "not the password");
  await submit(page, "Unlock");
  await expect(tab, "a wrong password is not refused", page.getByText("The password is wrong").isVisible());
  await page.fill("[name=password]", OWNER.password);
  await submit(page, "Unlock");
  await page.fill("#line", "$FV");
  await submit(page, "Send the line");
  await page.locator("#lines li.sent", { hasText: "$FV" }).last().waitFor();
  await page.fill("#line", "$PO");
  await submit(page, "Send the line");
  await expect(tab, "a dangerous line is taken without the tick", page.getByText("Tick the box").isVisible());
}

/** On a phone: a low head, four entries and More at the bottom, rows that can be tapped, Send without scrolling. */
async function onAPhone(tab) {
  const { page } = tab;
  const PHONE = { width: 390, height: 844 };
  await page.setViewportSize(PHONE);
  await tab.go("/messages");
  const box = (selector) => page.locator(selector).first().boundingBox();
  const head = await box(".rail");
  if (head.height >= 60) fault(tab.where(), `the head is ${head.height} px high`);
  const bar = await box(".rail nav");
  if (Math.abs(bar.y + bar.height - PHONE.height) > 1) fault(tab.where(), "the bar is not at the bottom");
  const entries = await page.locator(".rail nav > a:visible, .more > summary:visible").count();
  if (entries !== 5) fault(tab.where(), `the bar has ${entries} entries`);
  await page.locator(".more > summary").click();
  await axe(tab, " with More open");
  await Promise.all([page.waitForURL(`${base}/help`), page.locator(".more a", { hasText: "Help" }).click()]).catch(() => fault(tab.where(), `More leads to ${page.url()}`));
  await tab.go("/messages");
  const row = await box(".messages tbody tr");
  await Promise.all([page.waitForURL(/messages\/m\d+/), page.mouse.click(row.x + row.width - 8, row.y + row.height - 6)]);
  await tab.go("/people");
  const last = await box(".tap tbody tr");
  await Promise.all([page.waitForURL(/people\/./), page.mouse.click(last.x + last.width - 8, last.y + last.height - 6)]);
  await tab.go("/compose?reply=m1");
  const send = await page.getByRole("button", { name: "Send", exact: true }).boundingBox();
  if (send.y + send.height > bar.y) fault(tab.where(), `Send ends at ${send.y + send.height} px, the bar begins at ${bar.y}`);
  await page.setViewportSize({ width: 1280, height: 900 });
}

async function silence(tab) {
  const { page } = tab;
  await tab.go("/");
  await page.locator("[data-light=Link].good").waitFor();
  // The page is not loaded again: what is open stays open, and the focus stays where it is.
  await page.evaluate(() => { window.kept = true; });
  await page.locator("details").first().evaluate((details) => { details.open = true; });
  await page.locator("[data-light=Link]").focus();
  const began = Date.now();
  await modem("silent on");
  await page.locator("[data-light=Link].warn").waitFor();
  const took = Date.now() - began;
  const kept = await page.evaluate(() => [window.kept, document.querySelector("details").open, document.activeElement.dataset.light].join());
  if (kept !== "true,true,Link") fault(tab.where(), `did not stay as it was: ${kept}`);
  const said = await words(page, "#said");
  if (!said.includes("Link: not ready")) fault(tab.where(), `the live region says: ${said}`);
  console.log(`the dashboard told of the silence after ${took} ms`);
  if (took > TELLS_MS) fault(tab.where(), `the dashboard told of the silence only after ${took} ms`);
}

/** With scripts off: log in, write, look at the cost, send, hold, release, cancel, log out. */
async function withoutScripts(browser) {
  const tab = await open(browser, base, { javaScriptEnabled: false, colorScheme: "dark" }, "without scripts");
  const { page } = tab;
  await tab.go("/login", FIRST_MOST);
  await outline(tab);
  await sideways(tab);
  await page.fill("#name", OWNER.name);
  await page.fill("#password", OWNER.password);
  await Promise.all([page.waitForURL(`${base}/`), page.keyboard.press("Enter")]);
  await settled(tab.state);
  console.log(`first visit: ${tab.state.bytes} bytes with the log-in`);
  if (tab.state.bytes > FIRST_MOST) fault(tab.where(), `the first visit weighs ${tab.state.bytes} bytes`);
  for (const target of ["/messages", "/mailbox", "/people", "/people/bert", "/usage", "/audit", "/log-ins", "/health", "/links/m138", "/settings/box", "/setup/link", "/help/start"]) {
    const response = await tab.go(target);
    if (response.status() !== 200) fault(tab.where(), `answers ${response.status()}`);
    await outline(tab);
  }
  await tab.go("/compose");
  for (const [field, value] of [["to", "bob@world.example"], ["subject", "Arrival"], ["text", "We arrive on Monday."]]) {
    await page.fill(`#${field}`, value);
  }
  await submit(page, "Look at the cost first");
  await expect(tab, "no cost is told", page.getByText(/1 packet, over the satellite link/).isVisible());
  await submit(page, "Send");
  await expect(tab, "the message is not kept", page.getByText(/Your message is accepted as m\d+/).isVisible());
  for (const [button, state] of [["Hold", "held"], ["Release", "queued"]]) {
    await submit(page, button);
    await expect(tab, `${button} does not make it ${state}`, words(page, ".badge").then((word) => word === state));
  }
  await page.locator("summary", { hasText: "Cancel" }).click();
  await submit(page, "Yes, cancel it");
  await expect(tab, "it is not cancelled", words(page, ".badge").then((word) => word === "cancelled"));
  await submit(page, "Log out");
  await tab.go("/messages");
  if (!page.url().includes("/login?next=")) fault(tab.where(), "is shown after the log-out");
  await tab.context.close();
}

/** The session ends while somebody writes: the text stays, goes through the log-in, and arrives. */
async function sessionEnds(browser) {
  const tab = await open(browser, base, {}, "session ends");
  const { page } = tab;
  await tab.go("/login", FIRST_MOST);
  await page.fill("#name", OWNER.name);
  await page.fill("#password", OWNER.password);
  await Promise.all([page.waitForURL(`${base}/`), page.keyboard.press("Enter")]);
  await tab.go("/compose");
  for (const [field, value] of [["to", PERSON.name], ["subject", "Long letter"], ["text", "An hour of work.\nAnd more."]]) {
    await page.fill(`#${field}`, value);
  }
  let asked = 0;
  page.on("dialog", (dialog) => { asked += 1; dialog.dismiss(); });
  // A way off the page asks before, as long as the box does not have the text.
  await page.evaluate(() => {
    document.querySelector("#text").dispatchEvent(new Event("input", { bubbles: true }));
    location.href = "/messages";
  });
  for (let tries = 0; asked === 0 && tries < 200; tries += 1) await new Promise((done) => setTimeout(done, 50));
  if (asked === 0) fault(tab.where(), "a way off the page does not ask about the text");
  await tab.context.clearCookies();
  await page.locator("#out").waitFor();
  if ((await page.inputValue("#text")) !== "An hour of work.\nAnd more.") fault(tab.where(), "the text is lost");
  await submit(page, "Send");
  await axe(tab, " (asked to log in)");
  await page.fill("#name", OWNER.name);
  await page.fill("#password", OWNER.password);
  await submit(page, "Log in");
  await expect(tab, "the message is not sent", page.getByText(/Your message is accepted as m\d+/).isVisible());
  await expect(tab, "the text is lost", page.getByText("An hour of work.").isVisible());
  await tab.context.close();
}

/** What is written is on the box within seconds, and when the page is left: another browser goes on with it. */
async function drafts(browser) {
  const logIn = async (kind) => {
    const tab = await open(browser, base, {}, kind);
    await tab.go("/login", FIRST_MOST);
    await tab.page.fill("#name", PERSON.name);
    await tab.page.fill("#password", PERSON.password);
    await Promise.all([tab.page.waitForURL(`${base}/mailbox`), tab.page.keyboard.press("Enter")]);
    return tab;
  };
  const first = await logIn("a draft is written");
  await first.go("/compose");
  for (const [field, value] of [["to", "anna, bert"], ["subject", "Log"], ["text", "Day one."]]) await first.page.fill(`#${field}`, value);
  await first.page.getByText("Kept as a draft at").waitFor();
  if (!first.page.url().includes("/compose?draft=")) fault(first.where(), `a reload would lose it: ${first.page.url()}`);
  await first.page.reload();
  if ((await first.page.inputValue("#text")).trim() !== "Day one.") fault(first.where(), "a reload loses the text");
  // Left at once after a word: it goes along on the way out, whatever the browser asks.
  first.page.on("dialog", (dialog) => dialog.accept());
  await first.page.locator("#text").press("Control+End");
  await first.page.locator("#text").pressSequentially(" And two.");
  await first.page.goto(`${base}/help`);
  const second = await logIn("a draft is gone on with");
  await second.go("/mailbox?folder=3");
  await lookAt(second);
  const rows = await second.page.locator(".messages tbody tr").count();
  if (rows !== 1) fault(second.where(), `${rows} drafts of one form`);
  await second.page.locator(".messages .subject a").first().click();
  await second.page.waitForURL(/compose\?draft=/);
  second.state.at = "/compose?draft";
  await lookAt(second);
  if ((await second.page.inputValue("#text")).trim() !== "Day one. And two.") fault(second.where(), `the text is ${await second.page.inputValue("#text")}`);
  await submit(second.page, "Send");
  await second.go("/mailbox?folder=3");
  if (await second.page.locator(".messages tbody tr").count()) fault(second.where(), "the draft stays although it was sent");
  // A mail is deleted and taken back.
  await second.go("/mailbox");
  const before = await second.page.locator(".messages tbody tr").count();
  await second.page.locator(".messages .subject a").first().click();
  await second.page.waitForURL(/mailbox\/m\d+/);
  second.state.at = "/mailbox/m";
  await lookAt(second);
  await submit(second.page, "Delete");
  await expect(second, "it is not deleted", second.page.locator(".messages tbody tr").count().then((now) => now === before - 1));
  await lookAt(second);
  await submit(second.page, "Undo");
  await second.go("/mailbox");
  await expect(second, "it is not taken back", second.page.locator(".messages tbody tr").count().then((now) => now === before));
  await first.context.close();
  await second.context.close();
}

/** Whatever stands behind next=, the browser stays here. */
async function staysHere(browser) {
  const tab = await open(browser, base, {}, "log-in with next=");
  const { page } = tab;
  for (const next of ["//evil.invalid", "/\t/evil.invalid", "/\n/evil.invalid", "\t//evil.invalid", "/\\evil.invalid", "\\\\evil.invalid", "https:evil.invalid", "http:/\\evil.invalid", "javascript:alert(1)", "/.//evil.invalid", "/a/..//evil.invalid", "/%09/evil.invalid", "/\u2028/evil.invalid"]) {
    tab.state.at = JSON.stringify(next);
    await tab.context.clearCookies();
    await page.goto(`${base}/login?next=${encodeURIComponent(next)}`);
    await page.fill("#name", PERSON.name);
    await page.fill("#password", PERSON.password);
    await Promise.all([page.waitForURL((url) => !url.pathname.startsWith("/login")), page.keyboard.press("Enter")]);
    if (new URL(page.url()).origin !== base) fault(tab.where(), `leads to ${page.url()}`);
  }
  await tab.context.close();
}

/** A person who owns nothing sees their own mailbox, and no page of the owner. */
async function asPerson(browser) {
  const tab = await open(browser, base, {}, "as a person");
  const { page } = tab;
  await tab.go("/login", FIRST_MOST);
  await lookAt(tab);
  await page.fill("#name", PERSON.name);
  await page.fill("#password", PERSON.password);
  await Promise.all([page.waitForURL(`${base}/mailbox`), page.keyboard.press("Enter")]);
  await expect(tab, "the page of the owner is named", page.locator("nav a[href='/people']").count().then((n) => n === 0));
  for (const target of ["/mailbox", "/messages", "/usage", "/health", "/account", "/people"]) {
    const response = await tab.go(target);
    if ((response.status() === 403) !== (target === "/people")) fault(tab.where(), `answers ${response.status()}`);
    await axe(tab);
    await sideways(tab);
  }
  await tab.context.close();
}

let tab;
play([
  ["claimed and set up", 240, async (browser) => { tab = await setUp(browser); }],
  ["a line by hand", 60, () => console_(tab)],
  ["all pages", 420, () => everyPage(tab)],
  ["by keyboard", 60, () => byKeyboard(tab)],
  ["as a person", 120, asPerson],
  ["on a phone", 60, () => onAPhone(tab)],
  ["the session ended", 90, sessionEnds],
  ["drafts", 120, drafts],
  ["no way to elsewhere", 120, staysHere],
  ["the modem fell silent", 90, () => silence(tab)],
  ["without scripts", 120, withoutScripts],
]).catch((error) => {
  console.error(error);
  process.exit(1);
});
