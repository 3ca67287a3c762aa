// What shells and readers want to know of the verbs, written from their table.
#include <cstdio>

#include "base/text.h"
#include "cli/args.h"

namespace cangong {
namespace {

std::vector<std::string> option_names(const Verb& verb) {
  std::vector<std::string> names{"--help", "--quiet"};
  for (const Option& option : verb.options) names.emplace_back(option.name);
  return names;
}

std::string for_bash() {
  std::vector<std::string> names;
  std::string cases;
  for (const Verb& verb : verbs()) {
    names.emplace_back(verb.name);
    cases +=
        "    " + std::string(verb.name) + ") words='" + join(option_names(verb), " ") + "' ;;\n";
  }
  return "# Put this into ~/.bashrc:  eval \"$(cangong completion bash)\"\n"
         "_cangong() {\n"
         "  local words='' current=${COMP_WORDS[COMP_CWORD]}\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W '" +
         join(names, " ") +
         "' -- \"$current\")\n"
         "    return\n"
         "  fi\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases +
         "  esac\n"
         "  if [[ $current == -* ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "  else\n"
         "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _cangong cangong\n";
}

// Inside single quotes and brackets of zsh's _arguments.
std::string for_brackets(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      if (c == '[' || c == ']' || c == ':') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string for_zsh() {
  std::string list, cases;
  for (const Verb& verb : verbs()) {
    list += "    '" + std::string(verb.name) + ":" + for_brackets(verb.summary) + "'\n";
    cases += "    " + std::string(verb.name) + ") _arguments \\\n";
    for (const Option& option : verb.options) {
      const std::string value =
          option.value.empty() ? "" : ":" + for_brackets(option.value) + ":_files";
      cases += "      '" + std::string(option.name) + "[" + for_brackets(option.help) + "]" +
               value + "' \\\n";
    }
    cases += "      '*:file:_files' ;;\n";
  }
  return "#compdef cangong\n"
         "# Put this into a folder of $fpath as _cangong.\n"
         "local -a verbs=(\n" +
         list +
         ")\n"
         "if (( CURRENT == 2 )); then\n"
         "  _describe verb verbs\n"
         "else\n"
         "  local verb=$words[2]\n"
         "  (( CURRENT-- )) && shift words\n"
         "  case $verb in\n" +
         cases +
         "  esac\n"
         "fi\n";
}

// Text for roff: no line begins with a control character, and hyphens can be copied.
std::string for_roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
      out += c;
    }
  }
  return out;
}

}  // namespace

int run_completion(const Args& args) {
  const std::string& shell = args.positional(0);
  if (shell != "bash" && shell != "zsh") throw UsageError{"completion is for bash or zsh"};
  std::fputs((shell == "bash" ? for_bash() : for_zsh()).c_str(), stdout);
  return kOk;
}

int run_manual(const Args&) {
  std::string text =
      ".TH CANGONG 1\n.SH NAME\ncangong \\- from hospital records to evaluated, explained models\n"
      ".SH SYNOPSIS\n.B cangong\n.I VERB\n[argument ...] [option ...]\n.SH VERBS\n";
  for (const Verb& verb : verbs()) {
    text += ".SS " + for_roff(verb.name) + "\n" + for_roff(verb.summary) + "\n.PP\n.B cangong " +
            for_roff(verb.usage) + "\n.PP\nExample:\n.B " + for_roff(verb.example) + "\n";
    for (const Option& option : verb.options)
      text += ".TP\n.B " + for_roff(option.name) +
              (option.value.empty() ? "" : " " + for_roff(option.value)) + "\n" +
              for_roff(option.help) + "\n";
  }
  text +=
      ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 3 some rows rejected, 4 not permitted, 5 "
      "data required, 130 stopped by Ctrl\\-C.\n.SH SEE ALSO\nThe folder docs of the source "
      "tree.\n";
  std::fputs(text.c_str(), stdout);
  return kOk;
}

}  // namespace cangong
