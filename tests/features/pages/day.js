// A person's day on a phone of 360 px: a mail is read, answered with its price in view, followed until it arrived, and found
// again. Meanwhile the log-in ends, the line to the box is cut and the modem is pulled. day.rs starts the boxes.
//
//   node tests/features/pages/day.js BASE-URL PASSWORD SMTP-OF-THE-GATEWAY MODEM-CONTROL [FOLDER FOR PICTURES]
"use strict";

const net = require("node:net");
const { FIRST_MOST, axe, counted, fault, open, outline, pictures, play, tally } = require("./look.js");

const [base, password, smtp, control, folder] = process.argv.slice(2);
const PHONE = { width: 360, height: 740 };
/** What reading and answering a mail may take: with the log-in, and until it is seen to have left. */
const ANSWER_TAPS = 8;
const ANSWER_BYTES = 90000;
/** All of the day. */
const DAY_TAPS = 32;
const DAY_BYTES = 300000;

/** What no plain person has to read: keys of settings, drivers, figures of protocols. */
const MACHINE = /.{0,30}(\b(box|sms|air|link|relay|web|store|queue|smtp|m138|hive|price|budget)\.[a-z_]{2,}\b|\bm138\b|\bRSSI|\bSNR\b|\bdBm\b|0x[0-9a-f]{4}).{0,30}/;

const words = (page, selector) => page.locator(selector).first().innerText();
const press = (page, name) => page.getByRole("button", { name, exact: true }).first();

/** Taps, and waits for the page after it. */
async function tap(tab, target, url) {
  await Promise.all([tab.page.waitForURL(url), target.click()]);
  await tab.page.waitForLoadState("load");
  tab.state.at = new URL(tab.page.url()).pathname;
}

async function write(tab, field, text) {
  await tab.page.locator(field).fill(text);
}

async function expect(tab, what, test) {
  if (!(await test)) fault(tab.where(), `${what}; the page says: ${(await words(tab.page, "main")).slice(0, 300)}`);
}

/** Nothing is wider than the phone, the head is low, and whatever can be tapped is large enough for a thumb. */
async function fits(tab) {
  const found = await tab.page.evaluate(() => {
    const root = document.documentElement, head = document.querySelector(".rail");
    const small = [...document.querySelectorAll("main button, main select, main input:not([type=hidden]), main summary, main .button, .rail nav > a, .tabs a")]
      .filter((at) => at.checkVisibility())
      .map((at) => [at.closest("label")?.querySelector("[type=checkbox], [type=radio]") ? at.closest("label") : at, at])
      .filter(([box]) => { const { width, height } = box.getBoundingClientRect(); return width < 24 || height < 24; })
      .map(([, at]) => at.outerHTML.slice(0, 80));
    return { wide: root.scrollWidth - root.clientWidth, head: head ? head.getBoundingClientRect().height : 0, small };
  });
  if (found.wide > 0) fault(tab.where(), `scrolls sideways by ${found.wide} pixels`);
  if (found.head >= 60) fault(tab.where(), `the head is ${found.head} px high`);
  for (const at of found.small) fault(tab.where(), `too small for a thumb: ${at}`);
  const said = (await words(tab.page, "main")).match(MACHINE);
  if (said) fault(tab.where(), `words of the machine for a plain person: ${said}`);
  await outline(tab);
  await axe(tab);
  await pictures(tab, folder, PHONE);
}

/** Hands a mail in from the internet. */
function mail(from, to, text) {
  const [host, port] = smtp.split(":");
  const lines = ["EHLO world.example", `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, "DATA", `${text}\r\n.`, "QUIT"];
  return new Promise((done, failed) => {
    const socket = net.connect(Number(port), host);
    let heard = "";
    socket.setEncoding("utf8");
    socket.on("data", (data) => {
      heard += data;
      if (!/^\d{3} .*\r\n$/m.test(heard.slice(heard.lastIndexOf("\n", heard.length - 2) + 1))) return;
      if (/^[45]/.test(heard)) failed(new Error(heard));
      heard = "";
      if (lines.length) socket.write(`${lines.shift()}\r\n`);
    });
    socket.on("end", done);
    socket.on("close", done);
    socket.on("error", failed);
  });
}

function modem(command) {
  return new Promise((done, failed) => {
    const socket = net.connect(control, () => socket.write(`${command}\n`));
    socket.once("data", () => socket.end(done));
    socket.once("error", failed);
  });
}

let tab;

/** From the address of the box to an answer that has left, with its price before it. */
async function readAndAnswer(browser) {
  tab = await open(browser, base, { viewport: PHONE, hasTouch: true, isMobile: true }, "a day");
  const { page } = tab;
  await counted(tab);
  await tab.go("/", FIRST_MOST);
  await fits(tab);
  await write(tab, "#name", "anna");
  await write(tab, "#password", password);
  await tap(tab, press(page, "Log in"), `${base}/mailbox`);
  await fits(tab);
  await tap(tab, page.locator(".messages .subject a").first(), /mailbox\/m\d+/);
  await expect(tab, "the mail is not whole", page.getByText("The roses are out.").isVisible());
  await fits(tab);
  await tap(tab, page.getByRole("link", { name: "Reply", exact: true }), /compose\?reply=/);
  await fits(tab);
  const quote = await words(page, "button[value=quote]");
  if (!/bytes, .*EUR in all/.test(quote)) fault(tab.where(), `quoting does not say what it costs: ${quote}`);
  await write(tab, "#text", "In May, I think.");
  await tap(tab, press(page, "Look at the cost first"), `${base}/compose`);
  await expect(tab, "the price is not told", page.getByText(/1 packet, over the satellite link, .*EUR/).first().isVisible());
  await fits(tab);
  await tap(tab, press(page, "Send"), /messages\/m\d+/);
  await page.locator(".badge", { hasText: /sent|at the far box|delivered/ }).first().waitFor();
  await fits(tab);
  const { taps, bytes } = tally(tab, "a mail read and answered");
  if (taps > ANSWER_TAPS || bytes > ANSWER_BYTES) fault(tab.where(), `reading and answering takes ${taps} taps and ${bytes} bytes`);
}

/** While one writes, a mail comes: the page says so, and what was written stays. */
async function noticed() {
  const { page } = tab;
  await tap(tab, page.locator(".rail nav > a[href='/compose']"), `${base}/compose`);
  await write(tab, "#to", "mum@world.example");
  await write(tab, "#text", "About the boat: ");
  await mail("bob@world.example", "anna@shore.example", "Subject: Berth\r\n\r\nYour berth is free.");
  await page.locator("#news:not([hidden])").waitFor();
  if ((await page.inputValue("#text")) !== "About the boat: ") fault(tab.where(), "the notice disturbs what is written");
  const known = await page.locator("#people option").evaluateAll((all) => all.map((one) => one.value));
  for (const wanted of ["mum@world.example", "bob@world.example"]) {
    if (wanted.startsWith("mum") && !known.some((one) => one.includes(wanted))) fault(tab.where(), `${wanted} is not offered: ${known}`);
  }
  await fits(tab);
  // A cost that was looked at is gone once what it was for is another.
  await tap(tab, press(page, "Look at the cost first"), `${base}/compose`);
  const cost = page.getByText(/packets?, over the satellite link, /).first();
  await expect(tab, "the price is not told", cost.isVisible());
  await write(tab, "#text", "About the boat: ");
  await expect(tab, "an old price stays", cost.isHidden());
  await expect(tab, "nobody says that it was changed", page.getByText("It was changed since").isVisible());
}

/** The line is cut while one writes: the page says that the box does not answer, and goes on when it is back. */
async function lineCut() {
  const { page, context } = tab;
  await context.setOffline(true);
  await page.locator("#text").pressSequentially("all is dry.");
  await page.locator("#age:not([hidden])").waitFor();
  await page.getByText("Not kept as a draft yet").waitFor();
  await context.setOffline(false);
  await page.getByText("Kept as a draft at").waitFor();
  await page.locator("#age").waitFor({ state: "hidden" });
  if (!(await page.inputValue("#text")).includes("all is dry.")) fault(tab.where(), "the text is lost");
}

/** The log-in ends while one writes: what is sent is sent after the next one. */
async function logInEnds() {
  const { page, context } = tab;
  await context.clearCookies();
  await page.locator("#text").pressSequentially(" Really.");
  await page.locator("#out:not([hidden])").waitFor();
  await tap(tab, press(page, "Send"), (url) => url.pathname !== "/mailbox");
  await write(tab, "#name", "anna");
  await write(tab, "#password", password);
  await fits(tab);
  await tap(tab, press(page, "Log in"), (url) => url.pathname !== "/login");
  await expect(tab, "the text is lost", page.getByText("About the boat: all is dry. Really.").isVisible());
}

/** The modem is pulled: what is written waits, with the reason in plain words, and leaves when the modem is back. */
async function modemPulled() {
  const { page } = tab;
  await modem("unplug");
  await tap(tab, page.locator(".rail nav > a[href='/compose']"), `${base}/compose`);
  await write(tab, "#to", "mum@world.example");
  await write(tab, "#text", "The modem is out.");
  await tap(tab, press(page, "Send"), /messages\/m\d+/);
  await expect(tab, "it is not said to wait", page.locator(".badge", { hasText: "queued" }).first().isVisible());
  await fits(tab);
  await modem("plug");
  await page.locator(".badge", { hasText: /sent|at the far box|delivered/ }).first().waitFor();
}

/** Yesterday's mail is found by a word, passed on, deleted and taken back. */
async function foundAgain() {
  const { page } = tab;
  await tap(tab, page.locator(".rail nav > a[href='/mailbox']"), `${base}/mailbox`);
  await write(tab, "[name=q]", "roses");
  await tap(tab, press(page, "Search"), /mailbox\?q=roses/);
  await fits(tab);
  await tap(tab, page.locator(".messages .subject a").first(), /mailbox\/m\d+/);
  await tap(tab, page.getByRole("link", { name: "Forward", exact: true }), /compose\?forward=/);
  if (!(await page.inputValue("#text")).includes("The roses are out.")) fault(tab.where(), "forwarding does not take the text along");
  await fits(tab);
  await page.goBack();
  await tap(tab, press(page, "Delete"), `${base}/mailbox`);
  await tap(tab, press(page, "Undo"), /mailbox/);
  await fits(tab);
  for (const place of ["/position", "/usage", "/costs", "/health", "/account"]) {
    await tab.go(place);
    await fits(tab);
  }
  const { taps, bytes } = tally(tab, "the day");
  if (taps > DAY_TAPS || bytes > DAY_BYTES) fault(tab.where(), `the day takes ${taps} taps and ${bytes} bytes`);
}

play([
  ["a mail is read and answered", 120, readAndAnswer],
  ["a mail comes while one writes", 120, noticed],
  ["the line is cut", 90, lineCut],
  ["the log-in ends", 90, logInEnds],
  ["the modem is pulled", 120, modemPulled],
  ["found again", 90, foundAgain],
]).catch((error) => {
  console.error(error);
  process.exit(1);
});
