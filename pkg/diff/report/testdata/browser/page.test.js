// Uses the pages in $PAGES as reviewers do, in the browser that $CHROMIUM is.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: flags });
});
after(() => browser.close());

// Opens a page that must stay silent: no request but itself, no message on the
// console (a blocked script is one), no error, no dialog, no other window.
async function open(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const noise = [];
  page.on("console", (message) => noise.push(message.text()));
  page.on("pageerror", (error) => noise.push(String(error)));
  page.on("dialog", (dialog) => { noise.push("dialog: " + dialog.message()); dialog.dismiss(); });
  page.on("popup", () => noise.push("another window"));
  const url = `file://${process.env.PAGES}/${name}.html`;
  page.on("request", (request) => { if (request.url() !== url) noise.push("request: " + request.url()); });
  await page.goto(url);
  const groups = () => page.locator(".group:visible");
  return { page, groups, noise, close: () => context.close() };
}

function browse(title, name, use, options) {
  test(title, async () => {
    const opened = await open(name, options);
    await use(opened);
    assert.deepEqual(opened.noise, []);
    await opened.close();
  });
}

browse("a thousand agents open, and the summary says what happens", "thousand", async ({ page, groups }) => {
  assert.match(await page.locator("h1").innerText(), /^100\d objects differ$/);
  assert.ok((await groups().count()) < 15, "like changes are one group");
  assert.match(await page.locator("#status").innerText(), /^\d+ changes$/);
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  assert.ok(height < 2000, `folded, the page is ${height} px high`);
});

browse("search finds names, fields and values in what is folded", "thousand", async ({ page, groups }) => {
  const all = await groups().count();
  for (const [query, text] of [["agent-777", "agent-777"], ["setup.sh", "setup.sh"], ["GHCR.IO agent-5", "ghcr.io"]]) {
    await page.fill("#search", query);
    const found = await groups().count();
    assert.ok(found > 0 && found < all, `${query} finds ${found} of ${all}`);
    for (const group of await groups().all()) {
      assert.ok((await group.textContent()).includes(text), `${query} finds a group without it`);
    }
    assert.equal(await page.locator("#status").innerText(), `${found} of ${all} changes`);
  }
  await page.fill("#search", "there is no such thing");
  assert.equal(await groups().count(), 0);
  await page.click("#reset");
  assert.equal(await groups().count(), all);
  assert.equal(await page.inputValue("#search"), "");
});

browse("filters by what happens and by severity go together", "thousand", async ({ page, groups }) => {
  const all = await groups().count();
  const chip = (kind, value) => page.locator(`.chip[data-${kind}="${value}"]`);
  await chip("verdict", "delete").click();
  await chip("verdict", "new").click();
  const verdicts = await groups().evaluateAll((list) => list.map((group) => group.dataset.verdict));
  assert.deepEqual([...new Set(verdicts)].sort(), ["delete", "new"]);
  assert.equal(await chip("verdict", "new").getAttribute("aria-pressed"), "true");
  await chip("verdict", "delete").click();
  await chip("verdict", "new").click();
  assert.equal(await groups().count(), all);
  await chip("severity", "high").click();
  const high = await groups().evaluateAll((list) => list.map((group) => group.dataset.severities));
  assert.ok(high.length > 0 && high.length < all && high.every((list) => list.split(" ").includes("high")));
  await chip("verdict", "new").click();
  assert.equal(await groups().count(), 0, "nothing is new and flagged high");
});

browse("groups fold one by one and all at once", "thousand", async ({ page, groups }) => {
  const open = () => page.locator(".group[open]").count();
  assert.equal(await open(), 0);
  await groups().first().locator("> summary").click();
  assert.equal(await open(), 1);
  await page.click("#open-all");
  assert.equal(await open(), await groups().count());
  await page.click("#close-all");
  assert.equal(await open(), 0);
});

browse("the keyboard does all of it", "thousand", async ({ page, groups }) => {
  const focused = () => page.evaluate(() => document.activeElement.closest(".group")?.id ?? document.activeElement.id);
  const ids = await groups().evaluateAll((list) => list.map((group) => group.id));
  const keys = async (...names) => { for (const name of names) await page.keyboard.press(name); };
  await keys("j");
  assert.equal(await focused(), ids[0]);
  await keys("j", "j", "k");
  assert.equal(await focused(), ids[1]);
  await keys("o");
  assert.equal(await page.locator(".group[open]").getAttribute("id"), ids[1]);
  await keys("o", "e");
  assert.equal(await page.locator(".group[open]").count(), ids.length);
  await keys("e");
  assert.equal(await page.locator(".group[open]").count(), 0);
  await keys("/");
  assert.equal(await focused(), "search");
  await page.keyboard.type("job?ko");
  assert.equal(await page.inputValue("#search"), "job?ko", "letters are letters in the search");
  await keys("Escape");
  assert.equal(await page.inputValue("#search"), "");
  await keys("?");
  assert.ok(await page.locator("#help").isVisible());
  await keys("j");
  assert.equal(await page.locator(".group:focus-within").count(), 0, "the help keeps the keyboard");
  await keys("Escape");
  assert.ok(!(await page.locator("#help").isVisible()));
});

browse("a flag leads to its group, even to a hidden one", "thousand", async ({ page }) => {
  await page.locator('.chip[data-verdict="new"]').click();
  const link = page.locator(".flags a").first();
  const target = page.locator(await link.getAttribute("href"));
  assert.ok(!(await target.isVisible()));
  await link.click();
  assert.ok(await target.isVisible());
  assert.ok(await target.evaluate((group) => group.open && group.contains(document.activeElement)));
});

browse("values stand side by side, and what differs is marked", "single", async ({ page }) => {
  await page.click("#open-all");
  const row = page.locator("tr", { has: page.locator("ins", { hasText: "now" }) });
  const [old, now] = await row.locator("td").all();
  assert.equal(await old.textContent(), 'echo "ready"');
  assert.equal(await now.textContent(), 'echo "ready now"');
  const [a, b] = [await old.boundingBox(), await now.boundingBox()];
  assert.ok(a.x < b.x && a.y === b.y);
});

browse("nothing differs", "empty", async ({ page, groups }) => {
  assert.match(await page.locator("h1").innerText(), /^Nothing differs/);
  assert.equal(await groups().count(), 0);
  assert.equal(await page.locator("#search").count(), 0);
});

for (const name of ["mixed", "all"]) {
  browse(`hostile texts are texts (${name})`, name, async ({ page }) => {
    await page.click("#open-all");
    await page.locator("details").evaluateAll((list) => list.forEach((details) => { details.open = true; }));
    for (const selector of ["summary", "code", ".values td", ".flags a"]) await page.locator(selector).first().hover();
    await page.fill("#search", "<script>");
    await page.fill("#search", "");
    const found = await page.evaluate(() => ({
      pwned: window.pwned,
      elements: [...new Set([...document.querySelectorAll("*")].map((element) => element.localName))].sort(),
      handlers: [...document.querySelectorAll("*")].filter((element) => element.getAttributeNames().some((name) => name.startsWith("on"))).length,
      scripts: document.scripts.length,
      styles: document.querySelectorAll("style").length,
      links: [...document.querySelectorAll("[href], [src], [action], [srcdoc]")].filter((element) => !/^#(g\d+|changes)$/.test(element.getAttribute("href"))).length,
      text: document.body.textContent,
    }));
    assert.equal(found.pwned, undefined);
    assert.deepEqual({ handlers: found.handlers, scripts: found.scripts, styles: found.styles, links: found.links }, { handlers: 0, scripts: 1, styles: 1, links: 0 });
    for (const element of ["img", "svg", "iframe", "base", "link", "object", "form"]) assert.ok(!found.elements.includes(element), element);
    for (const text of ["<script>window.pwned = 1</script>", '" onmouseover="window.pwned = 1', "&lt;script&gt;", "{{.Gate}}", "\\u202e", "\\u0000"]) {
      assert.ok(found.text.includes(text), `${text} is not to be seen`);
    }
  });
}

browse("it reads without the script", "thousand", async ({ page, groups }) => {
  await groups().first().locator("> summary").click();
  assert.ok(await groups().first().locator(".body").isVisible());
}, { javaScriptEnabled: false });

browse("paper shows what was folded, and folds it again", "thousand", async ({ page }) => {
  const pdf = await page.pdf();
  assert.ok(pdf.length > 50_000, `${pdf.length} bytes of PDF`);
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.locator("details:not([open])").count(), 0);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  assert.equal(await page.locator("details[open]").count(), 0);
});

// Contrast of text as WCAG 2 has it: 4.5 for what is small.
const contrast = () => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const channels = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (channels(color)[3] === 255) return color;
    }
    return "white";
  };
  const bad = new Set();
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.add(`${element.localName}.${element.className} ${element.dataset.kind ?? ""}: ${ratio.toFixed(2)}`);
  }
  return [...bad];
};

for (const colorScheme of ["light", "dark"]) {
  browse(`everything can be read and named (${colorScheme})`, "thousand", async ({ page }) => {
    await page.click("#open-all");
    assert.deepEqual(await page.evaluate(contrast), []);
    for (const chip of await page.locator(".chip").all()) await chip.click();
    assert.deepEqual(await page.evaluate(contrast), [], "with all filters on");
    const nameless = await page.evaluate(() => [...document.querySelectorAll("input, button, summary, a")]
      .filter((element) => !(element.labels?.length || element.ariaLabel || element.textContent.trim())).length);
    assert.equal(nameless, 0);
  }, { colorScheme });
}
