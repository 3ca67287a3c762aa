#include "report/page.h"

#include "report/style.h"

namespace cangong {

std::string heading(const Words& words) {
  return "<h2>" + both(words) + "</h2>";
}

std::string paragraph(const Words& words) {
  return "<p>" + both(words) + "</p>";
}

std::string page(const std::string& title, const std::string& subtitle, const std::string& body) {
  std::string html =
      "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
      "<meta name='viewport' content='width=device-width, initial-scale=1'>"
      "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
      "style-src 'unsafe-inline'\"><title>" +
      escape_html(title) + "</title><style>" + report_style() +
      "</style></head><body><input type='radio' name='language' id='en' checked>"
      "<input type='radio' name='language' id='zh'><header><nav><label for='en'>"
      "English</label><label for='zh'>中文</label></nav><h1>" +
      escape_html(title) + "</h1>";
  if (!subtitle.empty()) html += "<p>" + subtitle + "</p>";
  return html + "</header><main>" + body + "</main></body></html>\n";
}

}  // namespace cangong
