import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, get, onSignedOut, setToken, type Me } from "./api";
import type { PageProps } from "./page";
import { pages, type PageEntry } from "./pages";
import { NotFound } from "./pages/not-found";
import { SignIn } from "./pages/sign-in";
import { link, usePlace } from "./route";
import { languageNow, setLanguage, t, type Language } from "./words";

const allowed = (entry: PageEntry, me: Me) => entry.roles.some((role) => me.roles.includes(role));

function Languages(props: { pick: (language: Language) => void }) {
  return (
    <button type="button" class="plain" lang={languageNow() === "en" ? "zh-CN" : "en"}
      onClick={() => props.pick(languageNow() === "en" ? "zh" : "en")}>
      {languageNow() === "en" ? "中文" : "English"}
    </button>
  );
}

function Navigation(props: { me: Me; here: string }) {
  const shown = pages.filter((entry) => entry.inMenu && allowed(entry, props.me));
  return (
    <nav aria-label={t("menu")}>
      <ul>
        {shown.map((entry) => (
          <li>
            <a href={link(entry.path)} aria-current={entry.path === props.here ? "page" : undefined}>
              {t(entry.title)}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

// Nobody at the keyboard for as long as a session lasts: what is shown goes away.
function useIdle(minutes: number, hide: () => void): void {
  useEffect(() => {
    if (!minutes) return;
    let last = Date.now();
    const seen = () => { last = Date.now(); };
    const kinds = ["pointerdown", "pointermove", "keydown", "wheel"] as const;
    for (const kind of kinds) addEventListener(kind, seen, { passive: true });
    const timer = setInterval(() => { if (Date.now() - last > minutes * 60_000) hide(); }, 5000);
    return () => {
      clearInterval(timer);
      for (const kind of kinds) removeEventListener(kind, seen);
    };
  }, [minutes]);
}

export function App() {
  const [me, setMe] = useState<Me | null | undefined>(undefined);
  const [language, setShown] = useState(languageNow());
  const place = usePlace();
  const enter = (who: Me | null) => { setToken(who?.csrf); setMe(who); };
  useEffect(() => {
    onSignedOut(() => void get<Me>("/auth/me").then(enter, () => enter(null)));
    get<Me>("/auth/me").then(enter, () => enter(null));
  }, []);
  const pick = (next: Language) => { setLanguage(next); setShown(next); };
  // What is shown goes away at once, whatever the network does.
  const hide = () => { history.replaceState(null, "", "#/"); enter(null); };
  const leave = () => { void call("POST", "/auth/sign-out", {}).catch(() => null); hide(); };
  useIdle(me ? me.minutes_idle : 0, hide);  // the session may be in use in another tab
  if (me === undefined) return <p class="quiet" role="status">{t("loading")}</p>;

  const here = place.parts[0] ?? "";
  const entry = pages.find((page) => page.path === here);
  let Shown: ComponentType<PageProps> = NotFound;
  if (me && entry && allowed(entry, me)) Shown = entry.page;
  return (
    <div key={language}>
      <a class="skip" href="#main" onClick={(e) => {
        e.preventDefault();
        document.getElementById("main")?.focus();
      }}>{t("skip")}</a>
      <header class="top">
        <a class="brand" href={link()}>Cangong 仓公</a>
        {me && <Navigation me={me} here={entry?.under ?? here} />}
        <div class="who">
          <Languages pick={pick} />
          {me && <a class="me" href={link("account")}>{me.name}</a>}
          {me && <button type="button" class="plain" onClick={leave}>{t("sign.out")}</button>}
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {me
          ? <Shown key={place.key} me={me} parts={place.parts.slice(1)} query={place.query} />
          : <SignIn enter={enter} />}
      </main>
    </div>
  );
}
