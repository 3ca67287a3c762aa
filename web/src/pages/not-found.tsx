import { Page } from "../parts";
import { link } from "../route";
import { t } from "../words";

export function NotFound() {
  return <Page title={t("missing.title")}><p><a href={link()}>{t("missing.back")}</a></p></Page>;
}
