// The life of a model: proposed, approved by another, withdrawn, rolled back.
import { useState } from "preact/hooks";
import { enc, get, post, type Candidate, type Me, type Proposal } from "../api";
import { moment } from "../format";
import { Act, Card, Choice, Curl, curl, Field, Table, useData, Waiting } from "../parts";
import { t, word } from "../words";

interface Proposals { proposals: Proposal[]; second_approval: boolean; bundles: Candidate[] }

const short = (bundle: string) => bundle.slice(0, 16);
const may = (me: Me, ...roles: string[]) => roles.some((role) => me.roles.includes(role));

function Propose(props: { bundles: Candidate[]; done: () => void }) {
  const [bundle, setBundle] = useState("");
  const [name, setName] = useState("");
  const [note, setNote] = useState("");
  const whole = props.bundles.filter((b) => !b.damaged);
  const chosen = whole.find((b) => b.bundle === bundle) ?? whole[0];
  if (!chosen) return <p class="quiet">{t("life.no.bundles")}</p>;
  const body = { name, bundle: chosen.bundle, note };
  const propose = async () => {
    await post("/api/models/proposals", body);
    setNote("");
    props.done();
  };
  const label = (b: Candidate) => [short(b.bundle), ...b.aliases].join("  ");
  const lacks = chosen.card_lacks ?? [];
  return (
    <>
      <Choice label={t("model.bundle")} value={chosen.bundle} onPick={setBundle} options={whole.map((b) => [b.bundle, label(b)])} />
      {lacks.length > 0 && <p class="problem">{t("life.card.lacks", { fields: lacks.join(", ") })}</p>}
      <Field label={t("models.name")} value={name} hint={t("life.name.hint")} onInput={(e) => setName(e.currentTarget.value.trim())} />
      <Field label={t("models.note")} value={note} onInput={(e) => setNote(e.currentTarget.value)} />
      <Act label={t("life.propose")} kind="main" act={propose} disabled={!name || !note || lacks.length > 0} />
      <Curl command={curl("POST", "/api/models/proposals", body)} />
    </>
  );
}

function Decide(props: { one: Proposal; me: Me; second: boolean; done: () => void }) {
  const { one, me } = props;
  const decide = (decision: string) => async () => {
    await post(`/api/models/proposals/${enc(one.id)}/decision`, { decision, note: t("life.decided.here") });
    props.done();
  };
  if (one.state !== "open") return <>{`${word("proposal", one.state)}, ${one.decided_by ?? ""}`}</>;
  if (!may(me, "admin")) return <>{word("proposal", one.state)}</>;
  return (
    <p class="row">
      {!(props.second && one.by === me.name) && <Act label={t("life.approve", { name: one.name })} kind="main" act={decide("approve")} />}
      <Act label={t("life.refuse", { name: one.name })} act={decide("refuse")} />
    </p>
  );
}

export function Life(props: { me: Me; changed: () => void }) {
  const path = "/api/models/proposals";
  const all = useData(() => get<Proposals>(path), []);
  const done = () => { all.again(); props.changed(); };
  return (
    <Waiting of={all}>
      {(known) => (
        <>
          <Card title={t("life.proposals")} wide>
            <p class="quiet">{t(known.second_approval ? "life.second" : "life.one")}</p>
            <Table caption={t("life.proposals")} rows={known.proposals} empty={t("life.none")} columns={[
              { title: t("models.name"), cell: (p) => p.name },
              { title: t("model.bundle"), cell: (p) => <code>{short(p.bundle)}</code> },
              { title: t("life.by"), cell: (p) => `${p.by}, ${moment(p.at)}` },
              { title: t("models.note"), cell: (p) => p.note },
              { title: t("life.decision"), cell: (p) => <Decide one={p} me={props.me} second={known.second_approval} done={done} /> },
            ]} />
            <Curl command={curl("GET", path)} />
          </Card>
          {may(props.me, "scientist", "admin") && <Card title={t("life.propose")}><Propose bundles={known.bundles} done={done} /></Card>}
        </>
      )}
    </Waiting>
  );
}

// What an administrator may do to a model at once.
export function Withdraw(props: { me: Me; id: string; changed: () => void }) {
  const [why, setWhy] = useState("");
  if (!may(props.me, "admin")) return null;
  const withdraw = async () => {
    await post(`/api/models/${enc(props.id)}/withdraw`, { note: why });
    props.changed();
  };
  return (
    <>
      <Field label={t("life.why")} value={why} onInput={(e) => setWhy(e.currentTarget.value)} />
      <Act label={t("life.withdraw", { name: props.id })} kind="danger" act={withdraw} disabled={!why} />
    </>
  );
}

export function RollBack(props: { me: Me; id: string; bundle: string; now: string; changed: () => void }) {
  if (!props.bundle || props.bundle === props.now || !may(props.me, "admin")) return null;
  const back = async () => {
    await post(`/api/models/${enc(props.id)}/rollback`, { bundle: props.bundle, note: t("life.decided.here") });
    props.changed();
  };
  return <Act label={t("life.back", { bundle: short(props.bundle) })} act={back} />;
}
