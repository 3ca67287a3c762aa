// node check.mjs URL FOLDER: what a person does with the pages, done by a browser.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [url, folder] = process.argv.slice(2);
const password = "correct horse battery";
let passed = 0;
const failures = [];
function check(name, holds, seen) {
  if (holds) { passed += 1; return; }
  failures.push(name);
  console.log(`FAILED: ${name}${seen === undefined ? "" : `: ${JSON.stringify(seen).slice(0, 600)}`}`);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"],
});
const elsewhere = new Set();
async function open(language) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, locale: language === "zh" ? "zh-CN" : "en-GB", viewport: { width: 1280, height: 900 },
    bypassCSP: false,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (line) => {
    if (line.type() === "error" && !/status of 4\d\d/.test(line.text())) page.problems.push(line.text());
  });
  page.on("request", (request) => { if (!request.url().startsWith(url) && !request.url().startsWith("data:")) elsewhere.add(request.url()); });
  await page.goto(url);
  return page;
}
async function signIn(page, name, word) {
  await page.locator("input[name=name]").fill(name);
  await page.locator("input[name=password]").fill(word);
  await page.locator("button[type=submit]").click();
}
async function settle(page) {
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(150);
}
// Without the policy's permission axe cannot run as a script of the page: it is evaluated instead.
async function accessible(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], iframes: false,
  }));
  check(`${name} is accessible`, violations.length === 0,
    violations.map((v) => [v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120))]));
}
async function visit(page, address, name, language) {
  await page.goto(`${url}/#/${address}`);
  await settle(page);
  check(`${name} (${language}) has its heading in focus`, await page.evaluate(() => document.activeElement?.tagName) === "H1");
  check(`${name} (${language}) complains of nothing`, await page.locator(".problem").count() === 0,
    await page.locator(".problem").allTextContents());
  await accessible(page, `${name} (${language})`);
  const text = await page.locator("main").innerText();
  if (language === "zh") check(`${name} is in Chinese`, /[\u4e00-\u9fff]/.test(text), text.slice(0, 80));
  await page.screenshot({ path: `${folder}/page-${name}.${language}.png`, fullPage: true });
  return text;
}

const everyPage = [
  ["", "home"], ["patients", "patients"], ["patient/mei", "patient"], ["prediction/17/heart@champion?as_of=2015-01-01T00:00:00Z", "prediction"],
  ["models", "models"], ["model/heart@champion", "model"], ["studies", "studies"], ["jobs", "jobs"],
  ["monitoring", "monitoring"], ["sandbox", "sandbox"], ["connect", "connect"], ["account", "account"],
];
const ofAdmin = [["audit", "audit"], ["admin", "admin"]];

async function asIntegrator(language) {
  const page = await open(language);
  await accessible(page, `sign-in (${language})`);
  await signIn(page, "a-integrator", "wrong password");
  await page.locator(".problem").waitFor();
  check("a wrong password is told", true);
  await signIn(page, "a-integrator", password);
  await page.locator("nav").waitFor();
  for (const [address, name] of everyPage) await visit(page, address, name, language);
  check(`no error in the console (${language})`, page.problems.length === 0, page.problems);
  await page.context().close();
}

async function patients(page) {
  await page.goto(`${url}/#/patients`);
  await settle(page);
  check("the list is by risk", await page.locator("tbody tr").count() === 50);
  await page.getByLabel("Id, identifier or name").fill("chen");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Chen Mei (mei)" }).click();
  await page.getByRole("heading", { name: /^Chen Mei \(mei\)/ }).waitFor();
  check("a name leads to the timeline", page.url().endsWith("#/patient/mei"));
  check("birth and sex are told", (await page.locator("h1").innerText()).includes("born 1958-04-02, female"));
  check("the title names nobody", await page.title() === "Cangong");
  await page.goto(`${url}/#/patient/%zz`);
  await settle(page);
  check("an address that is none breaks nothing", await page.locator("h1").count() === 1);
  await page.goto(`${url}/#/patient/mei`);
}

async function timeline(page) {
  const facts = async () => Number((await page.locator("h2", { hasText: "Facts" }).innerText()).replace(/\D/g, ""));
  await settle(page);
  const all = await facts();
  check("text of a record is never markup", await page.locator("td b").count() === 0 &&
    (await page.locator("section", { has: page.locator("h2", { hasText: "Facts" }) }).locator("tbody").innerText())
      .includes("<b>diabetes</b>"));
  const slider = page.locator("input[type=range]");
  await slider.focus();
  await page.keyboard.press("Home");
  await settle(page);
  const first = await facts();
  check("the slider hides the future", first < all && first > 0, [first, all]);
  check("in the picture too", await page.locator(".lanes polyline").first().getAttribute("points").then((p) => p.split(" ").length) <= 1);
  await page.getByRole("button", { name: "Now" }).click();
  await settle(page);
  check("and shows it again", await facts() === all, await facts());
  await page.locator(".lanes .can-pick").first().click();
  check("a click on a line shows its facts", await facts() < all);
}

async function coming(page) {
  await page.goto(`${url}/#/patient/mei`);
  const card = page.locator("section", { has: page.getByRole("heading", { name: "The years to come" }) });
  check("nothing is drawn before it is asked for", await card.locator("table").count() === 0);
  await card.getByRole("button", { name: /Draw the years to come/ }).click();
  const shares = card.locator("table").first();
  await shares.waitFor();
  check("what may come, with its range", await shares.locator("tbody tr").count() > 1 &&
    /\d %/.test(await shares.innerText()), await shares.innerText());
  check("curves and a fan are drawn", await card.locator(".plot canvas").count() === 2);
  const heading = card.getByRole("heading", { name: /What it hangs on now/ });
  const before = await heading.innerText();
  await card.locator("table").nth(1).waitFor();
  await shares.getByRole("button").nth(1).click();
  await card.locator("table").nth(1).waitFor();
  check("a click asks what another one hangs on", await heading.innerText() !== before, before);
  await card.getByLabel("If this had never been recorded").selectOption("ICD10CM//E11.9");
  await card.getByRole("columnheader", { name: "If it were so" }).waitFor();
  check("another record's answer stands beside, as association", (await card.innerText()).includes("association, not effect"));
  await page.screenshot({ path: `${folder}/page-coming.png`, fullPage: true });
  await accessible(page, "the years to come");
}

async function prediction(page) {
  await page.goto(`${url}/#/prediction/17/heart@champion?as_of=2015-01-01T00:00:00Z`);
  await settle(page);
  const sentence = await page.locator(".answer").innerText();
  check("one sentence in whole people, with interval and comparison", /^\d+ of 1\d+ patients/.test(sentence) &&
    sentence.includes("lies between") && sentence.includes("Among all patients"), sentence);
  check("reasons, drawn", await page.locator(".waterfall li").count() > 2);
  const waits = page.waitForRequest((r) => r.postData()?.includes("what_if") ?? false);
  await page.locator("section", { has: page.getByRole("heading", { name: "What if" }) }).locator("select").selectOption({ index: 1 });
  await waits;
  await settle(page);
  check("what-if is drawn, or says why not", await page.locator("section", { has: page.getByRole("heading", { name: "What if" }) })
    .locator(".plot canvas, .problem, .quiet:nth-of-type(2)").count() > 0);
  await page.getByRole("button", { name: "I judge it otherwise" }).click();
  await page.getByText("Kept. You can change it.").waitFor();
  check("an opinion is kept", true);
  await page.locator(".sources a").first().click();
  await page.locator(".lanes").waitFor();
  check("a reason leads to its source", page.url().includes("#/patient/17?code=") && page.url().includes("as_of=2015"), page.url());
  check("which is marked", await page.locator(".marked, .lanes .mark").count() > 0);
}

async function sandbox(page) {
  await page.goto(`${url}/#/sandbox`);
  await settle(page);
  await page.getByLabel("Patient's id").fill("mei");
  await page.getByRole("button", { name: "Open the patient" }).click();
  await page.locator(".cds, .problem").first().waitFor();
  check("a card comes", await page.locator(".cds").count() === 1);
  const accept = page.getByRole("button", { name: "Accept" });
  await accept.click();
  await page.getByText("The service was told.").waitFor();
  check("feedback goes back", true);
}

async function studies(page) {
  await page.goto(`${url}/#/studies`);
  await page.getByRole("link", { name: "heart" }).click();
  const report = page.frameLocator("iframe.report").locator("h1");
  check("a report is shown in its frame", await report.innerText() === "A report");
}

async function jobs(page) {
  await page.goto(`${url}/#/jobs`);
  await settle(page);
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("waiting").or(page.getByText("running")).first().waitFor();
  await page.locator("tbody tr").first().getByText("done").waitFor({ timeout: 120000 });
  check("a job runs to its end, watched", true);
  await page.locator("tbody tr").first().getByRole("link").first().click();
  await page.getByText('"answers"').waitFor();
  await accessible(page, "job");
  await page.screenshot({ path: `${folder}/page-job.png`, fullPage: true });
  check("a job tells what came out", true);
  await page.goto(`${url}/#/jobs`);
  await settle(page);
  await page.getByLabel("Work").selectOption("import");
  await page.locator("input[type=file]").setInputFiles({
    name: "visits.csv", mimeType: "text/csv", buffer: Buffer.from("patient,when,x\na,2020-01-01,1\n") });
  await page.getByRole("button", { name: "Send to the inbox" }).click();
  await page.locator("option", { hasText: "visits.csv" }).waitFor({ state: "attached" });
  await accessible(page, "a new import");
  check("a file reaches the inbox", true);
}

async function asClinician() {
  const page = await open("en");
  await signIn(page, "a-clinician", password);
  await page.locator("nav").waitFor();
  const menu = await page.locator("nav a").allInnerTexts();
  check("the menu holds what the role may see", menu.includes("Patients") && !menu.includes("Admin") && !menu.includes("Audit"), menu);
  await page.goto(`${url}/#/patients`);
  await settle(page);
  check("a clinician's list is the care team's", await page.locator("tbody tr").count() === 1);
  await page.goto(`${url}/#/patient/17`);
  await page.getByRole("heading", { name: "An emergency?" }).waitFor();
  await page.getByLabel("Reason").fill("unconscious, arrived by ambulance");
  await page.getByRole("button", { name: "Open for an hour" }).click();
  await page.locator(".lanes").waitFor();
  check("glass can be broken, with a reason", true);
  await page.goto(`${url}/#/admin`);
  await page.getByRole("heading", { name: "No such page" }).waitFor();
  check("no page of other roles", true);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.locator("input[name=password]").waitFor();
  check("signing out leaves no patient in the address", page.url() === `${url}/#/`, page.url());
  await page.context().close();
}

async function life(page) {
  await page.goto(`${url}/#/models`);
  await page.getByRole("heading", { name: "Propose a bundle" }).waitFor();
  const lacks = page.locator(".problem", { hasText: "model card lacks" });
  check("what a card lacks is told before anyone proposes", (await lacks.innerText()).includes("intended_use"));
  await page.getByLabel(/^Name/).fill("heart@shadow");
  await page.getByLabel("Note").fill("reads well");
  check("and it cannot be", await page.getByRole("button", { name: "Propose a bundle" }).isDisabled());
  await accessible(page, "models of an administrator");
  await page.screenshot({ path: `${folder}/page-life.png`, fullPage: true });
  await page.goto(`${url}/#/model/heart@champion`);
  const withdraw = page.getByRole("button", { name: "Withdraw heart@champion" });
  await withdraw.waitFor();
  check("a withdrawal asks for a reason", await withdraw.isDisabled());
  await page.getByLabel("Reason").fill("wrong units");
  check("and is one click then", await withdraw.isEnabled());
  await page.goto(`${url}/#/monitoring`);
  await page.getByText("Nothing is out of bounds.").waitFor();
  check("monitoring says that nobody is told", await page.getByText("Nobody is told").count() === 1);
}

async function asAdmin() {
  const page = await open("en");
  await signIn(page, "admin", process.env.FIRST_CODE);
  await page.locator("input[name=new_password]").fill("a much better password");
  await page.locator("input[name=password]").fill(process.env.FIRST_CODE);
  await page.locator("button[type=submit]").click();
  await page.locator("nav").waitFor();
  check("the first sign-in chooses a password", true);
  for (const [address, name] of ofAdmin) await visit(page, address, name, "en");
  const card = page.locator("section", { has: page.getByRole("heading", { name: "A new account" }) });
  await card.getByLabel("Name").fill("dr-wu");
  await card.getByLabel("Password").fill("twelve letters and more");
  await card.getByRole("button", { name: "Add" }).click();
  await page.getByRole("cell", { name: "dr-wu", exact: true }).waitFor();
  check("an account is added", true);
  await page.goto(`${url}/#/audit`);
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await page.getByText("It holds:").waitFor();
  check("the chain is verified from the page", true);
  await life(page);
  await page.goto(`${url}/#/audit`);
  await page.getByRole("button", { name: "中文" }).click();
  await settle(page);
  check("the language changes at once, and stays", await page.locator("h1").innerText() === "审计" &&
    await page.evaluate(() => document.documentElement.lang) === "zh-CN");
  for (const [address, name] of ofAdmin) await visit(page, address, name, "zh");
  check("no error in the console (admin)", page.problems.length === 0, page.problems);
  await page.context().close();
}

// Sign in, find a patient and read the answer without a mouse.
async function byKeyboard() {
  const page = await open("en");
  await settle(page);  // the heading takes the focus first
  await page.locator("input[name=name]").focus();
  await page.keyboard.type("a-integrator");
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.locator("nav").waitFor();
  const tabTo = async (holds) => {
    for (let n = 0; n < 60; n += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(holds)) return true;
    }
    return false;
  };
  await page.evaluate(() => document.activeElement?.blur());
  check("Tab reaches the menu", await tabTo(() => document.activeElement?.getAttribute("href") === "#/patients"));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Patients", exact: true }).waitFor();
  await settle(page);
  check("Tab reaches an answer", await tabTo(() => document.activeElement?.getAttribute("href")?.startsWith("#/prediction/") ?? false));
  await page.keyboard.press("Enter");
  await page.locator(".answer, .card").first().waitFor();
  check("Enter opens it", page.url().includes("#/prediction/"));
  await page.context().close();
}

// What is shown goes away where nobody is at the keyboard.
async function leftOpen() {
  const page = await open("en");
  await page.clock.install();
  await page.goto(url);
  await signIn(page, "a-integrator", password);
  await page.locator("nav").waitFor();
  await page.goto(`${url}/#/patient/mei`);
  await page.locator(".lanes").waitFor();
  await page.clock.fastForward("14:00");
  check("fourteen minutes later it is still there", await page.locator(".lanes").count() === 1);
  await page.clock.fastForward("02:00");
  await page.locator("input[name=password]").waitFor();
  check("sixteen minutes later nothing of it is", !(await page.content()).includes("Chen"));
  await page.context().close();
}

async function run(part, ...more) {
  try { await part(...more); } catch (error) { check(`${part.name} ran to its end`, false, String(error.stack ?? error)); }
}
await run(asIntegrator, "en");
await run(asIntegrator, "zh");
const page = await open("en");
await signIn(page, "a-integrator", password);
await page.locator("nav").waitFor();
for (const part of [patients, timeline, coming, prediction, sandbox, studies, jobs]) await run(part, page);
check("no error in the console (walk)", page.problems.length === 0, page.problems);
await run(asClinician);
await run(asAdmin);
await run(byKeyboard);
await run(leftOpen);
check("nothing was asked of another host", elsewhere.size === 0, [...elsewhere]);
await browser.close();
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length ? 1 : 0);
