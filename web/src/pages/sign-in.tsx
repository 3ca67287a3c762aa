import { useState } from "preact/hooks";
import { call, enc, get, type Me } from "../api";
import { Field, Page, useData } from "../parts";
import { t } from "../words";

export function SignIn(props: { enter: (me: Me) => void }) {
  const [once, setOnce] = useState(false);  // the password was good for one sign-in
  const [coded, setCoded] = useState(false);  // there is a second factor
  const [problem, setProblem] = useState("");
  const elsewhere = useData(() => get<{ names: string[] }>("/auth/sign-on/names"), []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body: Record<string, string> = { name: String(form.get("name")), password: String(form.get("password")) };
    if (once) body.new_password = String(form.get("new_password"));
    if (coded) body.code = String(form.get("code")).replace(/\s/g, "");
    try {
      props.enter(await call<Me>("POST", "/auth/sign-in", body));
    } catch (error) {
      const text = (error as Error).message;
      if (text.includes("new_password")) { setOnce(true); setProblem(t("sign.once")); }
      else if (text.includes("(code)")) { setCoded(true); setProblem(t("sign.code.needed")); }
      else setProblem(text);
    }
  };
  return (
    <Page title={t("sign.title")}>
      <form class="card sign" onSubmit={(e) => void submit(e)}>
        <Field label={t("sign.name")} name="name" autocomplete="username" required />
        <Field label={t("sign.password")} name="password" type="password" autocomplete="current-password" required />
        {once && <Field label={t("sign.new")} name="new_password" type="password" autocomplete="new-password"
          required hint={t("sign.new.hint")} />}
        {coded && <Field label={t("sign.code")} name="code" inputMode="numeric" autocomplete="one-time-code" required />}
        {problem && <p class="problem" role="alert">{problem}</p>}
        <button type="submit" class="main">{t("sign.in")}</button>
        {(elsewhere.data?.names ?? []).map((name) => (
          <a class="button" href={`/auth/sign-on/with/${enc(name)}`}>{t("sign.with", { name })}</a>
        ))}
      </form>
    </Page>
  );
}
