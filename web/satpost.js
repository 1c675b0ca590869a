// Makes the pages better where scripts run; every page works without this file.
"use strict";
(() => {
  const $ = (query) => document.querySelector(query);
  const all = (query) => document.querySelectorAll(query);

  // The code of a link such as /setup#K7QF-3M9X: a fragment never reaches a log.
  const code = $("#code");
  if (code && location.hash.length > 7) {
    code.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
  }

  // The browser knows a time zone, and usually the time.
  const zone = $("[data-zone]");
  if (zone && zone.dataset.zone === "UTC") {
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (own && own !== "UTC") {
      const hint = document.createElement("small");
      const use = document.createElement("button");
      use.type = "button";
      use.className = "small";
      use.textContent = "Use " + own;
      use.addEventListener("click", () => { zone.value = own; hint.remove(); });
      hint.append("This browser is in " + own + ". ", use);
      zone.after(hint);
    }
  }
  const skew = $("[data-ms]");
  if (skew) {
    const seconds = Math.round((Number(skew.dataset.ms) - Date.now()) / 1000);
    skew.textContent = Math.abs(seconds) < 5
      ? "This browser has the same time."
      : "This browser is " + Math.abs(seconds) + " s " + (seconds > 0 ? "behind" : "ahead of") + " the box.";
  }

  // A message that is looked at counts as read.
  const auto = $("form[data-auto]");
  if (auto) {
    fetch(auto.action, { method: "POST", body: new URLSearchParams(new FormData(auto)), redirect: "manual" })
      .then(() => { auto.hidden = true; }, () => {});
  }

  // What somebody has begun to write is not lost by a way off the page.
  let unsent = false;
  all("form[method=post] textarea").forEach((text) => text.form.addEventListener("input", () => { unsent = true; }));
  addEventListener("submit", () => { unsent = false; });
  addEventListener("beforeunload", (leaving) => { if (unsent) leaving.preventDefault(); });

  // Bytes of the text, while it is written.
  const text = $("textarea[data-count]");
  if (text) {
    const count = $("#count");
    const show = () => { count.textContent = new TextEncoder().encode(text.value).length + " bytes of text"; };
    text.addEventListener("input", show);
    show();
  }

  // The state of the box: asked each few seconds, less often when nobody looks or nobody answers.
  const root = document.documentElement;
  if (!root.dataset.poll) return;
  const usual = Number(root.dataset.poll) * 1000;
  // What the page shows as it came: it may be older than the first answer.
  let page = [...all("[data-light]")].map((light) => light.className.slice(6) + light.lastElementChild.textContent).join();
  let wait = usual, tag = "", fresh = Date.now();
  const put = (name, words) => all("[data-live=" + name + "]").forEach((at) => {
    if (words && at.textContent !== words) at.textContent = words;
  });
  const show = (status) => {
    for (const [name, tone, words] of status.strip) {
      const badge = $("[data-state=" + name + "]");
      if (badge) {
        badge.className = "badge " + tone;
        badge.textContent = words;
      }
      const light = $("[data-light=" + name + "]");
      if (!light) continue;
      light.className = "light " + tone;
      if (light.lastElementChild.textContent !== words) light.lastElementChild.textContent = words;
    }
    put("link", status.link);
    put("satellite", status.satellite);
    put("fix", status.fix);
    const state = status.strip.map((light) => light[1] + light[2]).join();
    if (page !== state && root.dataset.reload) location.reload();
    page = state;
  };
  const view = $("#lines");
  const console_ = async () => {
    if (!view) return;
    const answer = await fetch("/links/" + view.dataset.link + "/lines?after=" + view.dataset.next);
    if (!answer.ok) return;
    const news = await answer.json();
    const end = view.scrollHeight - view.scrollTop - view.clientHeight < 30;
    for (const [at, sent, words] of news.lines) {
      const line = document.createElement("li");
      if (sent) line.className = "sent";
      for (const [kind, part] of [["time", at], ["small", sent ? "to" : "from"], ["span", words]]) {
        const piece = document.createElement(kind);
        piece.textContent = part;
        line.append(piece);
      }
      view.append(line);
    }
    while (view.children.length > 500) view.firstChild.remove();
    view.dataset.next = news.next;
    if (end && news.lines.length) view.scrollTop = view.scrollHeight;
  };
  if (view) view.scrollTop = view.scrollHeight;
  const ask = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/status.json" + (view ? "?link=" + view.dataset.link : ""), { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
        if (answer.status === 401) {
          if (!unsent) location.reload();
          const out = $("#out");
          if (out) out.hidden = false;
          return;
        }
        if (answer.status === 200) {
          tag = answer.headers.get("ETag") || "";
          show(await answer.json());
        }
        if (answer.status < 400) { fresh = Date.now(); wait = usual; }
        await console_();
      } catch {
        wait = Math.min(wait * 2, 60000);
      }
    }
    setTimeout(ask, wait);
  };
  const age = $("#age");
  if (age) {
    setInterval(() => {
      const seconds = Math.round((Date.now() - fresh) / 1000);
      age.hidden = seconds < 20;
      age.textContent = "no answer for " + seconds + " s";
    }, 5000);
  }
  setTimeout(ask, 1000);
})();
