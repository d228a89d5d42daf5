// SPDX-License-Identifier: Apache-2.0
//
// What kyroctl says about itself: help, manual page and completions name every verb, argument and
// option of the command tree, and the programs that read them understand them.
#include "kyroctl/manual.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "kyro/version.h"
#include "kyroctl/command_tree.h"
#include "kyroctl/ctl.h"

namespace kyro::kyroctl {
namespace {

std::set<std::string> WordsOf(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> words;
  for (std::string word; in >> word;) words.insert(word);
  return words;
}

// Every option of a verb as a person types it; of kyroctl itself if it is null.
std::set<std::string> OptionsOf(const Verb* verb) {
  std::set<std::string> names{"--help", "-h"};
  std::vector<Option> options = CommonOptions();
  if (verb != nullptr) options.insert(options.end(), verb->options.begin(), verb->options.end());
  if (verb == nullptr) names.insert("--version");
  for (const Option& option : options) {
    names.insert(option.name);
    if (option.letter != '\0') names.insert(std::string("-") + option.letter);
  }
  return names;
}

std::set<std::string> VerbNames() {
  std::set<std::string> names;
  for (const Verb& verb : Verbs()) names.insert(verb.name);
  return names;
}

// The lines of a manual page as a reader sees them, without bold and underlines.
std::string Rendered(const std::string& page, const std::string& directory) {
  WriteFile(directory + "/page.1", page);
  return Shell("groff -man -Tascii -P-cbou page.1", directory).out;
}

TEST(Tree, SaysEverythingAboutEveryVerb) {
  EXPECT_EQ(VerbNames().size(), Verbs().size());
  for (const Verb& verb : Verbs()) {
    EXPECT_NE(verb.run, nullptr) << verb.name;
    EXPECT_FALSE(verb.summary.empty() || verb.summary.ends_with('.')) << verb.name;
    EXPECT_TRUE(verb.description.ends_with('.')) << verb.name;
    EXPECT_FALSE(verb.examples.empty()) << verb.name;
    for (const Argument& argument : verb.arguments) {
      EXPECT_FALSE(argument.about.empty()) << verb.name << argument.name;
      EXPECT_NE(argument.field, nullptr) << verb.name << argument.name;
    }
    for (const Option& option : verb.options) {
      EXPECT_TRUE(option.name.starts_with("--") && option.set) << verb.name << option.name;
      EXPECT_FALSE(option.about.empty()) << verb.name << option.name;
      // fish and zsh texts are quoted for these alone.
      EXPECT_EQ(option.about.find('\\'), std::string::npos) << verb.name << option.name;
    }
  }
}

TEST(Tree, EveryExampleWorks) {
  TempDir made;
  ASSERT_EQ(Ctl({"load", made / "cells", "-", "--create"}, NumberRows(100)).exit, kExitOk);
  ASSERT_EQ(Ctl({"load", made / "cells", "-", "--create", "--keyspace", "names"},
                "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"ab\",\"value\":\"2\"}\n")
                .exit,
            kExitOk);
  std::filesystem::copy(made / "cells", made / "backup");
  WriteFile(made / "rows.ndjson", NumberRows(10));
  WriteFile(made / "rows.csv", "key,value\n1,one\n");
  WriteFile(made / "books_uint64", std::string("\1\0\0\0\0\0\0\0abcdefgh", 16));
  for (const Verb& verb : Verbs()) {
    TempDir dir;
    std::filesystem::copy(made.path(), dir.path(), std::filesystem::copy_options::recursive);
    for (const Example& example : verb.examples) {
      EXPECT_EQ(example.command.find("kyroctl "), 0u) << example.command;
      const Answer answer = Shell(example.command + " 2>&1", dir.path());
      EXPECT_EQ(answer.exit, kExitOk) << example.command << "\n" << answer.out;
    }
  }
}

TEST(Help, FitsInEightyColumnsAndNamesEverything) {
  const std::string top = Ctl({"--help"}).out;
  EXPECT_LE(WidestLine(top), 80u) << top;
  for (const std::string& name : VerbNames()) EXPECT_NE(top.find("  " + name + " "), top.npos);
  for (const Verb& verb : Verbs()) {
    const Answer answer = Ctl({verb.name, "--help"});
    EXPECT_EQ(answer.exit, kExitOk) << verb.name;
    EXPECT_EQ(answer.err, "") << verb.name;
    EXPECT_EQ(answer.out, HelpText(verb));
    EXPECT_LE(WidestLine(answer.out), 80u) << answer.out;
    EXPECT_NE(answer.out.find("Usage: " + UsageOf(verb) + "\n"), std::string::npos);
    for (const std::string& name : OptionsOf(&verb)) {
      EXPECT_NE(answer.out.find(name), std::string::npos) << verb.name << " " << name;
    }
    for (const Example& example : verb.examples) {
      EXPECT_NE(answer.out.find(example.command), std::string::npos) << example.command;
    }
  }
}

TEST(ManualPage, NamesEveryVerbArgumentAndOption) {
  TempDir dir;
  const std::string text = Rendered(ManualPage(), dir.path());
  for (const Verb& verb : Verbs()) {
    const std::size_t begin = text.find("\n   " + verb.name + "\n");
    ASSERT_NE(begin, std::string::npos) << verb.name << "\n" << text;
    std::size_t end = text.find("\nEXIT STATUS");
    for (const Verb& other : Verbs()) {
      const std::size_t next = text.find("\n   " + other.name + "\n");
      if (next > begin) end = std::min(end, next);
    }
    const std::string section = text.substr(begin, end - begin);
    EXPECT_NE(section.find("kyroctl " + verb.name), std::string::npos) << verb.name;
    const auto words = WordsOf(section);
    for (const Argument& argument : verb.arguments) {
      EXPECT_TRUE(words.contains(argument.name)) << verb.name << " " << argument.name;
    }
    for (const Option& option : verb.options) {
      EXPECT_TRUE(words.contains(option.name)) << verb.name << " " << option.name;
    }
  }
  for (const std::string& name : OptionsOf(nullptr)) {
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
}

TEST(ManualPage, IsWellFormed) {
  TempDir dir;
  ASSERT_EQ(Shell("kyroctl --print-manual >kyroctl.1", dir.path()).exit, 0);
  EXPECT_EQ(Shell("groff -man -Tascii -ww -z kyroctl.1 2>&1", dir.path()).out, "");
  const Answer man = Shell(
      "LC_ALL=C.UTF-8 MANROFFOPT= MANWIDTH=80 man --warnings -l kyroctl.1 2>&1 >page; "
      "awk 'length > 80' page",
      dir.path());
  EXPECT_EQ(man.exit, 0);
  EXPECT_EQ(man.out, "");
  // A backslash that roff takes for an escape, or a line that it takes for a macro, is lost.
  EXPECT_NE(
      Rendered(".TH X 1\n" + ManualPage(), dir.path()).find("{\"key\":42,\"value\":\"text\"}"),
      std::string::npos);
}

class Completion {
 public:
  Completion() { WriteFile(dir_ / "kyroctl.bash", CompletionScript("bash")); }

  // What bash offers for the last of `words`.
  std::set<std::string> Offers(const std::vector<std::string>& words) const {
    std::string line = "source ./kyroctl.bash; COMP_WORDS=(kyroctl";
    for (const std::string& word : words) line += " '" + word + "'";
    line += "); COMP_CWORD=" + std::to_string(words.size()) + "; _kyroctl; printf '%s\\n' ";
    const Answer answer = Shell(
        "cat >run <<'END'\n" + line + "\"${COMPREPLY[@]}\"\nEND\n" + "bash run 2>&1", dir_.path());
    return WordsOf(answer.out);
  }
  const TempDir& dir() const { return dir_; }

 private:
  TempDir dir_;
};

using Offered = std::set<std::string>;

TEST(BashCompletion, CompletesVerbsOptionsAndValues) {
  const Completion bash;
  std::filesystem::create_directory(bash.dir() / "cells");
  WriteFile(bash.dir() / "rows.ndjson", "");
  EXPECT_EQ(bash.Offers({"ver"}), Offered{"verify"});
  EXPECT_EQ(bash.Offers({""}), VerbNames());
  EXPECT_EQ(bash.Offers({"--js"}), Offered{"--json"});
  EXPECT_EQ(bash.Offers({"get", ""}), Offered{"cells"});
  EXPECT_EQ(bash.Offers({"get", "cells", ""}), Offered{});
  EXPECT_EQ(bash.Offers({"load", "cells", "rows"}), Offered{"rows.ndjson"});
  EXPECT_EQ(bash.Offers({"load", "--batch", "5", "cells", "rows"}), Offered{"rows.ndjson"});
  EXPECT_EQ(bash.Offers({"create", "cells", "--keys", ""}), (Offered{"u64", "bytes"}));
  EXPECT_EQ(bash.Offers({"--keyspace", "names", "ver"}), Offered{"verify"});
  EXPECT_EQ(bash.Offers({"scan", "cells", "--from", ""}), Offered{});
}

TEST(BashCompletion, OffersEveryOptionOfEveryVerb) {
  const Completion bash;
  EXPECT_EQ(bash.Offers({"-"}), OptionsOf(nullptr));
  for (const Verb& verb : Verbs()) EXPECT_EQ(bash.Offers({verb.name, "-"}), OptionsOf(&verb));
}

TEST(Completions, AreReadByTheirShells) {
  TempDir dir;
  for (const std::string& shell : CompletionShells()) {
    ASSERT_EQ(Shell("kyroctl --print-completion " + shell + " >script", dir.path()).exit, 0);
    EXPECT_EQ(Shell(shell + " -n script 2>&1", dir.path()).out, "") << shell;
    EXPECT_EQ(Shell(shell + " -n script", dir.path()).exit, 0) << shell;
  }
}

TEST(FishCompletion, CompletesVerbsOptionsAndValues) {
  TempDir dir;
  WriteFile(dir / "kyroctl.fish", CompletionScript("fish"));
  std::vector<std::string> lines{"ver", "", "create cells --keys "};
  for (const Verb& verb : Verbs()) lines.push_back(verb.name + " --");
  // One fish for all lines; a line of its own ends each answer.
  std::string script = "source kyroctl.fish\n";
  for (const std::string& line : lines) {
    script += "complete -C 'kyroctl " + line + "'\necho end-of-answer\n";
  }
  WriteFile(dir / "run", script);
  std::istringstream out(
      Shell("HOME=$PWD fish --no-config run </dev/null | cut -f1", dir.path()).out);
  std::vector<Offered> answers(1);
  for (std::string word; std::getline(out, word);) {
    word == "end-of-answer" ? void(answers.emplace_back()) : void(answers.back().insert(word));
  }
  ASSERT_EQ(answers.size(), lines.size() + 1);
  EXPECT_EQ(answers[0], Offered{"verify"});
  EXPECT_EQ(answers[1], VerbNames());
  EXPECT_EQ(answers[2], (Offered{"u64", "bytes"}));
  for (std::size_t i = 0; i < Verbs().size(); ++i) {
    for (const std::string& name : OptionsOf(&Verbs()[i])) {
      EXPECT_TRUE(answers[3 + i].contains(name) || name.size() == 2) << lines[3 + i] << name;
    }
  }
}

TEST(ZshCompletion, NamesEveryVerbAndOption) {
  const std::string script = CompletionScript("zsh");
  for (const Verb& verb : Verbs()) {
    EXPECT_NE(script.find("'" + verb.name + ":"), std::string::npos) << verb.name;
    const std::size_t begin = script.find("    " + verb.name + ")\n");
    ASSERT_NE(begin, std::string::npos) << verb.name;
    const std::string part = script.substr(begin, script.find(";;", begin) - begin);
    for (const std::string& name : OptionsOf(&verb)) {
      if (name == "-h") continue;
      EXPECT_NE(part.find("'" + name + "["), std::string::npos) << verb.name << " " << name;
    }
  }
}

TEST(Version, IsTheLibrarys) {
  const Answer answer = Ctl({"--version"});
  EXPECT_EQ(answer.exit, kExitOk);
  EXPECT_EQ(answer.out, "kyroctl " KYRO_VERSION "\n");
}

}  // namespace
}  // namespace kyro::kyroctl
