// A browser looks at a box under https, and behind a web server that puts the pages under /post. See front.rs.
//
//   node tests/features/pages/front.js WEB WEBS PASSWORD
"use strict";

const http = require("node:http");
const { ended, fault, play } = require("./look.js");

const [web, webs, password] = process.argv.slice(2);

/** A web server in front: everything below /post goes to the box, with who asked and how. */
function inFront() {
  const server = http.createServer((request, response) => {
    if (!request.url.startsWith("/post")) {
      fault("/post", `a page asks outside of its path: ${request.url}`);
      response.writeHead(404).end();
      return;
    }
    const [host, port] = web.split(":");
    const headers = { ...request.headers, "x-forwarded-for": "192.168.7.7", "x-forwarded-host": request.headers.host, connection: "close" };
    const onward = http.request({ host, port, path: request.url, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", (error) => {
      if (!left) fault(request.url, `the box left without an answer: ${error.message}`);
      response.destroy();
    });
    // Who leaves a page asks for its news no longer.
    let left = false;
    response.on("close", () => {
      left = true;
      onward.destroy();
    });
    request.pipe(onward);
  });
  // A connection that it closes just as the browser uses it again would look like a fault of the box.
  server.keepAliveTimeout = 300000;
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

async function day(browser, base, secure) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("request", (request) => { if (!request.url().startsWith(base)) fault(base, `asks another place: ${request.url()}`); });
  page.on("pageerror", (error) => fault(base, String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 4|Cross-Origin-Opener-Policy/.test(message.text())) fault(base, `${message.text()} ${message.location().url}`);
  });
  await page.goto(`${base}/mailbox`);
  await page.fill("#name", "bert");
  await page.fill("#password", password);
  await Promise.all([page.waitForURL(`${base}/mailbox`), page.keyboard.press("Enter")]);
  const cookies = (await context.cookies()).filter((cookie) => /^(__Secure-)?s/.test(cookie.name));
  if (cookies.length !== 1 || cookies[0].secure !== secure) fault(base, `cookies ${JSON.stringify(cookies)}`);
  const other = await context.newPage();
  await other.goto(`${base}/compose`);
  await other.fill("#to", "bert");
  await other.fill("#text", `By ${base}`);
  await other.getByText("Kept as a draft at").waitFor();
  await Promise.all([other.waitForURL(/messages\/m\d+/), other.getByRole("button", { name: "Send", exact: true }).click()]);
  // The open page follows by itself.
  await page.bringToFront();
  await page.locator(".messages", { hasText: `By ${base}` }).waitFor();
  await page.locator(".messages .subject a").first().click();
  await page.waitForURL(`${base}/mailbox/m*`);
  await Promise.all([page.waitForURL(`${base}/mailbox`), page.getByRole("button", { name: "Delete", exact: true }).click()]);
  await Promise.all([page.waitForEvent("framenavigated"), page.getByRole("button", { name: "Undo" }).click()]);
  await ended(context.close());
}

(async () => {
  const server = await inFront();
  const behind = `http://127.0.0.1:${server.address().port}/post`;
  await play([
    ["behind a web server", 120, (browser) => day(browser, behind, false)],
    ["under https", 120, (browser) => day(browser, `https://${webs}`, true)],
  ]);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
