// Who the patient is, where they were seen, what runs in the family, what was written and paid.
#include <openssl/evp.h>

#include <algorithm>

#include "source/fhir_types.h"

namespace cangong::fhir {
namespace {

// US Core race and ethnicity: an extension with an "ombCategory" coding.
void add_us_core(const Element& resource, FhirDraft& draft) {
  each(resource, "extension", [&](const Element& extension) {
    const auto url = text_of(extension, "url").value_or("");
    const char* family = url.ends_with("us-core-race")        ? "RACE//"
                         : url.ends_with("us-core-ethnicity") ? "ETHNICITY//"
                                                              : nullptr;
    if (!family) return;
    each(extension, "extension", [&](const Element& part) {
      if (text_of(part, "url") != "ombCategory") return;
      if (const auto value = child(part, "valueCoding"))
        if (const auto code = text_of(*value, "code"))
          draft.add_static(family + std::string(*code), text_of(*value, "display").value_or(""));
    });
  });
}

std::string decode_base64(std::string_view encoded) {
  std::string text(encoded);
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  if (std::count_if(text.begin(), text.end(), blank) > 0) std::erase_if(text, blank);
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) throw FhirReject{"an attachment is not base64"};
  out.resize(static_cast<std::size_t>(length));
  for (std::size_t k = text.size(); k > 0 && text[k - 1] == '=' && !out.empty(); --k)
    out.pop_back();
  if (!simdjson::validate_utf8(out)) throw FhirReject{"an attachment is not UTF-8"};
  return out;
}

void add_answers(const Element& item, FhirDraft& draft, const FhirTimes& times,
                 const std::string& prefix) {
  const std::string id(text_of(item, "linkId").value_or("?"));
  const Code code{prefix + "//" + id, std::string(text_of(item, "text").value_or("")), {}};
  each(item, "answer", [&](const Element& answer) {
    add_value(draft, answer, times, code);
    each(answer, "item", [&](const Element& inner) { add_answers(inner, draft, times, prefix); });
  });
  each(item, "item", [&](const Element& inner) { add_answers(inner, draft, times, prefix); });
}

void add_money(const Element& at, FhirDraft& draft, const FhirTimes& times,
               const std::string& code) {
  if (const auto amount = number_of(at, "value"))
    draft.add(times, code, "", {*amount, text_of(at, "currency").value_or(""), ""});
}

FhirTimes created(const Element& resource, const FhirDraft& draft) {
  FhirTimes times;
  if (const auto made = moment_of(resource, "created", draft.zone()))
    times.known = made->last, times.occurred = made->first;
  return draft.known(times);
}

}  // namespace

void read_patient(const Element& resource, FhirDraft& draft) {
  if (const auto born = moment_of(resource, "birthDate", draft.zone()))
    draft.add({born->last, born->first}, "MEDS_BIRTH", "birth");
  if (const auto died = moment_of(resource, "deceasedDateTime", draft.zone()))
    draft.add({died->last, died->first}, "MEDS_DEATH", "death");
  bool deceased = false;
  const auto flag = child(resource, "deceasedBoolean");
  if (flag && !flag->get_bool().get(deceased) && deceased)
    draft.remark("patients who died at an unknown time: their death is not kept");
  if (const auto gender = text_of(resource, "gender"))
    draft.add_static("GENDER//" + std::string(*gender), "administrative gender");
  if (const auto status = concept_of(resource, "maritalStatus"))
    draft.add_static("MARITAL_STATUS//" + status->code, status->description);
  add_us_core(resource, draft);
}

void read_encounter(const Element& resource, FhirDraft& draft) {
  const auto period = child(resource, "period");
  if (!period) throw FhirReject{"an encounter without a period"};
  const auto start = moment_of(*period, "start", draft.zone());
  const auto end = moment_of(*period, "end", draft.zone());
  if (!start && !end) throw FhirReject{"an encounter without a start or an end"};
  const auto kind = child(resource, "class");
  const std::string name(kind ? text_of(*kind, "code").value_or("UNKNOWN") : "UNKNOWN");
  if (start) {
    const FhirTimes times{start->last, start->first};
    draft.add(times, "ENCOUNTER_START//" + name, "");
    each(resource, "type", [&](const Element& type) {
      if (const auto code = concept_of(type)) draft.add(times, "ENCOUNTER_TYPE//", *code);
    });
  }
  if (!end) return;
  const FhirTimes times{end->last, end->first};
  std::string disposition;
  if (const auto stay = child(resource, "hospitalization"))
    if (const auto code = concept_of(*stay, "dischargeDisposition"))
      disposition = "//" + code->code;
  draft.add(times, "ENCOUNTER_END//" + name + disposition, "");
  each(resource, "reasonCode", [&](const Element& reason) {
    if (const auto code = concept_of(reason)) draft.add(times, "ENCOUNTER_REASON//", *code);
  });
}

void read_family_history(const Element& resource, FhirDraft& draft) {
  FhirTimes times;
  if (const auto date = moment_of(resource, "date", draft.zone()))
    times.known = date->last, times.occurred = date->first;
  const auto relation = concept_of(resource, "relationship");
  const std::string prefix = "FAMILY_HISTORY//" + (relation ? relation->code : "UNKNOWN");
  each(resource, "condition", [&](const Element& condition) {
    const auto code = concept_of(condition, "code");
    if (!code) throw FhirReject{"a condition in the family without a code"};
    if (times.known)
      draft.add(times, prefix + "//", *code);
    else
      draft.add_static(prefix + "//" + code->code, code->description);
  });
}

void read_questionnaire_response(const Element& resource, FhirDraft& draft) {
  FhirTimes times;
  if (const auto authored = moment_of(resource, "authored", draft.zone()))
    times.known = authored->last, times.occurred = authored->first;
  times = draft.known(times);
  std::string_view name = text_of(resource, "questionnaire").value_or("UNKNOWN");
  name = name.substr(0, name.find('|'));
  const std::string prefix = "SURVEY//" + std::string(name.substr(name.find_last_of('/') + 1));
  each(resource, "item", [&](const Element& item) { add_answers(item, draft, times, prefix); });
}

void read_document(const Element& resource, FhirDraft& draft) {
  FhirTimes times;
  if (const auto date = moment_of(resource, "date", draft.zone())) times.known = date->last;
  if (const auto context = child(resource, "context")) {
    if (const auto period = child(*context, "period")) {
      const auto start = moment_of(*period, "start", draft.zone());
      const auto end = moment_of(*period, "end", draft.zone());
      if (start) times.occurred = start->first;
      if (!times.known && end) times.known = end->last;
    }
  }
  times = draft.known(times);
  const auto type = concept_of(resource, "type");
  const std::string code = "NOTE//" + (type ? type->code : "UNKNOWN");
  const std::string description = type ? type->description : "";
  each(resource, "content", [&](const Element& content) {
    const auto attachment = child(content, "attachment");
    if (!attachment) return;
    const auto kind = text_of(*attachment, "contentType").value_or("");
    const auto data = text_of(*attachment, "data");
    const bool readable = kind.starts_with("text/") && data;
    draft.add(times, code, description,
              {std::nullopt, "", readable ? draft.keep(decode_base64(*data)) : ""});
  });
}

void read_claim(const Element& resource, FhirDraft& draft) {
  const FhirTimes times = created(resource, draft);
  if (const auto total = child(resource, "total")) add_money(*total, draft, times, "COST//CLAIM");
}

void read_benefit(const Element& resource, FhirDraft& draft) {
  const FhirTimes times = created(resource, draft);
  if (const auto payment = child(resource, "payment"))
    if (const auto amount = child(*payment, "amount"))
      add_money(*amount, draft, times, "COST//PAID");
  each(resource, "total", [&](const Element& total) {
    const auto category = concept_of(total, "category");
    const auto amount = child(total, "amount");
    if (category && amount) add_money(*amount, draft, times, "COST//BENEFIT//" + category->code);
  });
}

}  // namespace cangong::fhir
