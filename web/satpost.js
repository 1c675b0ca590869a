// Makes the pages better where scripts run; every page works without this file.
"use strict";
(() => {
  const $ = (query) => document.querySelector(query);
  const all = (query) => document.querySelectorAll(query);
  // The path before all paths of the box, behind another web server.
  const base = document.documentElement.dataset.base || "";
  // The words are in the page, with the places for what only the browser knows.
  const fit = (words, values) => words.replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);

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
      use.textContent = fit(zone.dataset.use, { zone: own });
      use.addEventListener("click", () => { zone.value = own; hint.remove(); });
      hint.append(fit(zone.dataset.hint, { zone: own }) + " ", use);
      zone.after(hint);
    }
  }
  const skew = $("[data-ms]");
  if (skew) {
    const seconds = Math.round((Number(skew.dataset.ms) - Date.now()) / 1000);
    const { same, behind, ahead } = skew.dataset;
    skew.textContent = fit(Math.abs(seconds) < 5 ? same : seconds > 0 ? behind : ahead, { n: Math.abs(seconds) });
  }

  // Something long that is to be typed elsewhere.
  if (navigator.clipboard) {
    for (const copy of all("[data-copy]")) {
      copy.hidden = false;
      copy.addEventListener("click", () => {
        const text = document.getElementById(copy.dataset.copy).textContent;
        navigator.clipboard.writeText(text).then(() => { copy.textContent = copy.dataset.done; });
      });
    }
  }

  // A message that is looked at counts as read.
  const auto = $("form[data-auto]");
  if (auto) {
    fetch(auto.action, { method: "POST", body: new URLSearchParams(new FormData(auto)), redirect: "manual" })
      .then(() => { auto.hidden = true; }, () => {});
  }

  // What somebody has begun to write is not lost by a way off the page.
  let unsent = false, touched = false;
  all("form[method=post]").forEach((form) => form.addEventListener("input", () => { touched = true; }));
  all("form[data-typed] *, form[method=post] textarea").forEach((text) => text.form?.addEventListener("input", () => { unsent = true; }));
  addEventListener("submit", () => { unsent = false; });
  addEventListener("beforeunload", (leaving) => { if (unsent) leaving.preventDefault(); });

  // A message is kept as a draft while it is written, and when its page is left.
  const put = (at, words) => { if (at.textContent !== words) at.textContent = words; };
  const letter = $("form[data-draft]");
  if (letter) {
    const kept = $("#kept"), once = letter.elements.once;
    let changed = letter.dataset.draft === "unkept", keeping = false, over = false;
    unsent = touched = changed;
    const keep = async (leaving) => {
      if (!changed || over || (keeping && !leaving)) return;
      [changed, keeping] = [false, true];
      try {
        const body = new URLSearchParams(new FormData(letter));
        const answer = await fetch(base + "/drafts", { method: "POST", body, redirect: "manual", keepalive: leaving && `${body}`.length < 60000 });
        over = answer.status === 205;
        if (answer.ok && !over) {
          // Another window has other words in this draft: here it goes on under a name of its own.
          once.value = answer.headers.get("X-Form") || once.value;
          unsent = touched = changed;
          history.replaceState(null, "", base + "/compose?draft=" + once.value);
        } else changed = !over;
        if (answer.status === 401 || answer.status === 403) $("#out").hidden = false;
        else put(kept, over ? kept.dataset.over : (await answer.text()).trim().slice(0, 200));
      } catch {
        changed = true;
        put(kept, kept.dataset.silent);
      }
      keeping = false;
    };
    const seen = $("[data-stale]");
    letter.addEventListener("input", () => {
      [changed, over] = [true, false];
      // What a cost was looked at for is not what would be sent now.
      if (seen && seen.dataset.stale) {
        const words = Object.assign(document.createElement("p"), { textContent: seen.dataset.stale });
        seen.replaceChildren(seen.firstElementChild, words);
        seen.dataset.stale = "";
      }
    });
    letter.addEventListener("submit", () => { over = true; });
    setInterval(keep, 4000, false);
    addEventListener("pagehide", () => keep(true));
    document.addEventListener("visibilitychange", () => { if (document.hidden) keep(true); });
    addEventListener("pageshow", (shown) => { if (shown.persisted) over = false; });
  }

  // Behind a comma the next recipient is completed.
  const to = $("#to"), known = $("#people");
  if (to && known) {
    const names = [...known.options].map((option) => option.value);
    let before = "";
    to.addEventListener("input", () => {
      const start = to.value.slice(0, to.value.lastIndexOf(",") + 1);
      if (start === before) return;
      before = start;
      [...known.options].forEach((option, at) => { option.value = start ? start + " " + names[at] : names[at]; });
    });
  }

  // Bytes of the text, while it is written.
  const text = $("textarea[data-count]");
  if (text) {
    const count = $("#count");
    const show = () => { count.textContent = fit(text.dataset.count, { n: new TextEncoder().encode(text.value).length }); };
    text.addEventListener("input", show);
    show();
  }

  // Ages go on, and so does the clock: by the clock of the box, not that of the browser.
  const clock = $("#now");
  const ahead = clock ? Date.parse(clock.dateTime) - Date.now() : 0;
  const spell = (seconds) => {
    const [size, unit] = seconds < 120 ? [1, 0] : seconds < 7200 ? [60, 1] : seconds < 172800 ? [3600, 2] : [86400, 3];
    return fit(clock.dataset.spans.split("|")[unit], { n: Math.floor(seconds / size) });
  };
  const tick = () => {
    const now = Date.now() + ahead;
    all("time[data-ago]").forEach((time) => {
      const past = (now - Date.parse(time.dateTime)) / 1000;
      if (!Number.isNaN(past)) put(time, fit(past < 0 ? clock.dataset.future : clock.dataset.past, { span: spell(Math.abs(past)) }));
    });
    try {
      const words = { timeZone: clock.dataset.zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
      put(clock, new Intl.DateTimeFormat(clock.dataset.locale, words).format(now));
    } catch { /* A zone that this browser does not know: the time of the page stays. */ }
  };
  if (clock) setInterval(tick, 1000);

  // Makes one element like another, and leaves alone what is alike: focus, scrolling and open parts stay.
  const morph = (old, fresh) => {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    fill(old, fresh);
  };
  const fill = (old, fresh) => {
    const stays = new Set([...fresh.children].map((child) => child.id).filter(Boolean));
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      while (at && at.id && !stays.has(at.id)) {
        const gone = at;
        at = at.nextSibling;
        gone.remove();
      }
      const alike = at && at.nodeName === wanted.nodeName && (at.id || "") === (wanted.id || "");
      if (!alike) {
        if (at && !at.id && !wanted.id) {
          const gone = at;
          at = at.nextSibling;
          gone.replaceWith(wanted);
        } else {
          old.insertBefore(wanted, at);
        }
        continue;
      }
      if (at.nodeType === Node.ELEMENT_NODE) morph(at, wanted);
      else if (at.nodeValue !== wanted.nodeValue) at.nodeValue = wanted.nodeValue;
      at = at.nextSibling;
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };

  // What the page shows, kept as it is: the box answers when something has changed, or after a while.
  const root = document.documentElement;
  if (!root.dataset.have) return;
  const said = $("#said"), age = $("#age"), notice = $("#news");
  const spoken = () => new Map([...all("[data-say]")].map((at) => [at.dataset.say, at.textContent]));
  const unread = () => Number.parseInt($("[data-unread]")?.textContent, 10) || 0;
  const show = (news) => {
    const before = spoken(), had = unread();
    for (const [name, html] of Object.entries(news.parts)) {
      const fresh = document.createElement("template");
      fresh.innerHTML = html;
      const part = $("[data-part=" + name + "]");
      if (name === "title") document.title = fresh.content.textContent;
      else if (part) {
        // The marks of the part are no part of it.
        [...part.childNodes].filter((node) => node.nodeType === Node.COMMENT_NODE).forEach((mark) => mark.remove());
        fill(part, fresh.content);
      }
    }
    root.dataset.have = news.have;
    tick();
    const words = [...spoken()].filter(([name, text]) => before.get(name) !== text).map((entry) => entry.join(": "));
    if (words.length) said.textContent = words.join(". ");
    if (notice && unread() > had) notice.hidden = false;
  };
  let asking = null, silentSince = 0, pause = 300;
  const ask = async () => {
    if (document.hidden || asking) return;
    const began = Date.now();
    asking = new AbortController();
    const limit = setTimeout(() => asking.abort(), 45000);
    try {
      const query = new URLSearchParams({ page: (location.pathname.slice(base.length) || "/") + location.search, have: root.dataset.have });
      const answer = await fetch(base + "/live?" + query, { signal: asking.signal, cache: "no-store" });
      if (answer.status === 401) {
        // Nothing that was filled in, or is on its way, goes with the page.
        all("input[type=password]").forEach((secret) => { secret.value = ""; });
        if (!unsent && !touched) location.reload();
        const out = $("#out");
        if (out) out.hidden = false;
        return;
      }
      if (answer.status === 404 || answer.status === 205) return;
      if (answer.status > 299) throw new Error(answer.statusText);
      if (answer.status === 200) show(await answer.json());
      silentSince = 0;
      // News in a row come slower and slower; an answer without news that did not wait means that there was no room to wait.
      const waited = Date.now() - began > 2000;
      pause = waited ? 300 : answer.status === 204 ? 15000 : Math.min(pause * 1.5, 5000);
    } catch {
      if (!document.hidden) silentSince ||= began;
      pause = Math.min(Math.max(pause, 1000) * 2, 60000);
    } finally {
      clearTimeout(limit);
      asking = null;
    }
    if (!document.hidden) setTimeout(ask, pause);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) asking?.abort();
    else setTimeout(ask, 0);
  });
  addEventListener("offline", () => { silentSince ||= Date.now(); });
  addEventListener("online", () => { silentSince = 0; });
  if (age) {
    setInterval(() => {
      age.hidden = !silentSince || Date.now() - silentSince < 2000;
      // What nobody answers for any more is not shown as the state of now.
      root.toggleAttribute("data-silent", !age.hidden && Date.now() - silentSince > 10000);
      if (silentSince) put(age, fit(age.dataset.silent, { span: spell((Date.now() - silentSince) / 1000) }));
    }, 1000);
  }
  setTimeout(ask, 500);

  // The lines of the console, as long as somebody looks at them.
  const view = $("#lines");
  if (!view) return;
  const lines = async () => {
    if (document.hidden) return;
    const answer = await fetch(base + "/links/" + view.dataset.link + "/lines?after=" + view.dataset.next);
    if (!answer.ok) return;
    const news = await answer.json();
    const end = view.scrollHeight - view.scrollTop - view.clientHeight < 30;
    for (const [at, sent, words] of news.lines) {
      const line = document.createElement("li");
      if (sent) line.className = "sent";
      for (const [kind, part] of [["time", at], ["small", sent ? view.dataset.to : view.dataset.from], ["span", words]]) {
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
  view.scrollTop = view.scrollHeight;
  setInterval(() => lines().catch(() => {}), 3000);
})();
