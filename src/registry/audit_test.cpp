#include "registry/audit.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "registry/approval.h"

namespace cangong {
namespace {

struct Trail {
  TempFolder folder;
  fs::path file = folder.path() / "audit.ndjson";
  std::string key;
  Digest middle;

  Trail() {
    SigningKey signing = SigningKey::open(folder.path() / "audit.key");
    key = signing.public_key();
    AuditTrail trail(file, std::move(signing));
    for (int i = 0; i < 1100; ++i) {
      trail.append("2026-01-01T00:00:00Z", R"({"what":"read","who":"a \"b\""})");
      if (i == 500) middle = trail.head().digest;
    }
    trail.checkpoint("2026-01-01T00:00:01Z");
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    const std::string text = read_file(file);
    for (const auto line : split(trim(text), '\n')) all.emplace_back(line);
    return all;
  }
  AuditCheck with(const std::vector<std::string>& lines) const {
    write_file(folder.path() / "other.ndjson", join(lines, "\n") + "\n");
    return verify_audit(folder.path() / "other.ndjson", key, middle);
  }
};

TEST(Audit, AWholeTrailHolds) {
  const Trail trail;
  const AuditCheck check = verify_audit(trail.file, trail.key, trail.middle);
  EXPECT_EQ(check.first_bad_line, 0u) << check.problem;
  EXPECT_EQ(check.records, 1102u);  // with two checkpoints
  EXPECT_EQ(check.checkpoints, 2u);
  EXPECT_EQ(check.unsigned_tail, 0u);
  EXPECT_TRUE(check.noted);
  EXPECT_EQ(check.key, trail.key);
}

// A chain is easily made anew; signatures are not.
TEST(Audit, AChainMadeAnewWithoutTheKeyDoesNotHold) {
  const Trail trail;
  const fs::path forged = trail.folder.path() / "forged.ndjson";
  {
    AuditTrail anew(forged);
    for (int i = 0; i < 1100; ++i)
      anew.append("2026-01-01T00:00:00Z", R"({"what":"read","who":"another"})");
  }
  EXPECT_TRUE(verify_audit(forged).holds()) << "it is a chain";
  const AuditCheck check = verify_audit(forged, trail.key);
  EXPECT_FALSE(check.holds());
  EXPECT_EQ(check.first_bad_line, 0u);
  EXPECT_TRUE(verify_audit(trail.file, trail.key).holds());
}

TEST(Audit, EveryFlippedBitIsFoundInItsRecord) {
  const Trail trail;
  const auto lines = trail.lines();
  for (const std::size_t n : {0u, 7u, 500u, 999u, 1000u, 1101u})
    for (std::size_t at = 0; at < lines[n].size(); at += 17) {
      auto changed = lines;
      changed[n][at] = static_cast<char>(changed[n][at] ^ 1);
      EXPECT_EQ(trail.with(changed).first_bad_line, n + 1) << at;
    }
}

TEST(Audit, DeletedAndReorderedRecordsAreFound) {
  const Trail trail;
  auto deleted = trail.lines();
  deleted.erase(deleted.begin() + 41);
  EXPECT_EQ(trail.with(deleted).first_bad_line, 42u);
  auto swapped = trail.lines();
  std::swap(swapped[10], swapped[11]);
  EXPECT_EQ(trail.with(swapped).first_bad_line, 11u);
}

TEST(Audit, ACutEndIsSeenByTheNotedHead) {
  const Trail trail;
  auto cut = trail.lines();
  cut.resize(400);
  const AuditCheck check = trail.with(cut);
  EXPECT_EQ(check.first_bad_line, 0u);
  EXPECT_FALSE(check.noted);
}

TEST(Audit, AnotherKeyIsRefused) {
  const Trail trail;
  const std::string other = SigningKey::open(trail.folder.path() / "other.key").public_key();
  EXPECT_EQ(verify_audit(trail.file, other).first_bad_line, 1001u);
}

TEST(Audit, ATornRecordIsTakenAwayAndTheTrailGoesOn) {
  const Trail trail;
  std::string text = read_file(trail.file);
  write_file(trail.file, text + "{\"n\":1103,\"at\":\"2026");
  append_audit(trail.file, "2026-01-02T00:00:00Z", R"({"what":"read"})");
  const AuditCheck check = verify_audit(trail.file);
  EXPECT_EQ(check.first_bad_line, 0u) << check.problem;
  EXPECT_EQ(check.records, 1103u);
}

TEST(Audit, ManyWritersMakeOneChain) {
  TempFolder folder;
  const fs::path file = folder.path() / "audit.ndjson";
  AuditTrail one(file), two(file);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) (t % 2 ? one : two).append("now", R"({"what":"read"})");
    });
  for (auto& thread : threads) thread.join();
  const AuditCheck check = verify_audit(file);
  EXPECT_EQ(check.first_bad_line, 0u) << check.problem;
  EXPECT_EQ(check.records, 400u);
}

TEST(Signature, AKeyThatOthersMayReadIsRefused) {
  TempFolder folder;
  const fs::path file = folder.path() / "key";
  const std::string known = SigningKey::open(file).public_key();
  EXPECT_EQ(SigningKey::open(file).public_key(), known);
  ::chmod(file.c_str(), 0644);
  EXPECT_THROW(SigningKey::open(file), Error);
}

TEST(Approval, NamesPointAtWhatWasApproved) {
  TempFolder folder;
  BundleWriter writer;
  writer.add("a", "1");
  const Digest first = writer.commit(folder.path() / "m");
  writer.add("a", "2");
  const Digest second = writer.commit(folder.path() / "m");
  approve(folder.path(), {"sepsis@champion", first, "chen", "2026-01-01T00:00:00Z", ""});
  approve(folder.path(), {"sepsis@champion", second, "li", "2026-01-02T00:00:00Z", "better"});
  ASSERT_EQ(approvals(folder.path()).size(), 1u);
  EXPECT_EQ(approvals(folder.path())[0].bundle, second);
  EXPECT_EQ(approval_history(folder.path()).size(), 2u);
  point_alias(folder.path() / "sepsis@champion", folder.path() / first);  // behind our back
  EXPECT_EQ(approvals(folder.path())[0].bundle, second);
  approve(folder.path(), {"sepsis@champion", "", "li", "2026-01-03T00:00:00Z", ""});
  EXPECT_TRUE(approvals(folder.path()).empty());
  for (const char* bad : {"sepsis", "../x@champion", "Sepsis@champion", "a@b/c"})
    EXPECT_THROW(approve(folder.path(), {bad, first, "chen", "", ""}), Error) << bad;
}

}  // namespace
}  // namespace cangong
