// SPDX-License-Identifier: Apache-2.0
#include "kyro/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/status_util.h"

namespace kyro {
namespace {

TEST(Status, IsOneWordAndOkByDefault) {
  static_assert(sizeof(Status) == 8);
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.file(), "");
  EXPECT_EQ(status.offset(), Status::kNoOffset);
  EXPECT_EQ(status.ToString(), "kOk");
}

TEST(Status, OkAndNotFoundNeverAllocate) {
  // An odd word is a bare code; an even one that is not 0 points to memory.
  EXPECT_EQ(Status(StatusCode::kOk, "ignored").bits(), 0u);
  EXPECT_EQ(Status::NotFound().bits() & 1, 1u);
  EXPECT_EQ(Status(StatusCode::kNotFound, "ignored").bits() & 1, 1u);
  EXPECT_FALSE(Status::NotFound().ok());
}

TEST(Status, CarriesMessageFileAndOffset) {
  const Status status(StatusCode::kDataLoss, "000042.keys: block 17", "000042.keys", 1114112);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "000042.keys: block 17");
  EXPECT_EQ(status.file(), "000042.keys");
  EXPECT_EQ(status.offset(), 1114112u);
  EXPECT_EQ(status.ToString(), "kDataLoss: 000042.keys: block 17");
}

TEST(Status, EveryCodeHasAName) {
  for (int i = 0; i <= static_cast<int>(StatusCode::kInternal); ++i) {
    const auto code = static_cast<StatusCode>(i);
    EXPECT_EQ(StatusCodeName(code).substr(0, 1), "k");
    EXPECT_EQ(Status(code).code(), code);
    for (int j = 0; j < i; ++j) {
      EXPECT_NE(StatusCodeName(code), StatusCodeName(static_cast<StatusCode>(j)));
    }
  }
  EXPECT_EQ(StatusCodeName(StatusCode::kDataLoss), "kDataLoss");
  EXPECT_EQ(StatusCodeName(StatusCode::kInternal), "kInternal");
  EXPECT_EQ(StatusCodeName(static_cast<StatusCode>(99)), "kInternal");
}

TEST(Status, CopiesShareAndMovesLeaveAValidValue) {
  Status original(StatusCode::kBusy, "a message long enough to need memory of its own");
  const Status copy = original;
  EXPECT_EQ(copy.bits(), original.bits());
  const Status moved = std::move(original);
  EXPECT_EQ(moved.message(), copy.message());
  Status target(StatusCode::kIoError, "to be replaced");
  target = moved;
  EXPECT_EQ(target.code(), StatusCode::kBusy);
  const Status& alias = target;
  target = alias;
  EXPECT_EQ(target.message(), copy.message()) << "self-assignment";
  target = Status();
  EXPECT_TRUE(target.ok());
}

TEST(Status, EqualityIsOfCodes) {
  EXPECT_EQ(Status(StatusCode::kBusy, "one"), Status(StatusCode::kBusy, "two"));
  EXPECT_FALSE(Status(StatusCode::kBusy) == Status(StatusCode::kClosed));
}

TEST(Status, LongTextsAreCutNotRefused) {
  const std::string text(100000, 'x');
  const Status status(StatusCode::kInternal, text, text, 5);
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_GE(status.message().size(), 1000u);
  EXPECT_LT(status.message().size(), text.size());
  EXPECT_EQ(status.message().find_first_not_of('x'), std::string_view::npos);
  EXPECT_EQ(status.offset(), 5u);
}

TEST(Status, CopiesMayBeDroppedByManyThreads) {
  for (int round = 0; round < 50; ++round) {
    auto status = std::make_unique<Status>(StatusCode::kAborted, "shared by four threads");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([copy = *status] {
        for (int i = 0; i < 100; ++i) {
          const Status again = copy;
          ASSERT_EQ(again.message(), "shared by four threads");
        }
      });
    }
    status.reset();
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(Result, HoldsAValueOrTheReason) {
  Result<std::string> good(std::string("value"));
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*good, "value");
  EXPECT_EQ(good->size(), 5u);
  EXPECT_TRUE(good.status().ok());
  const Result<std::string> bad(Status(StatusCode::kBusy, "why"));
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().message(), "why");
}

TEST(Result, MovesValuesThatCannotBeCopied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 5);
}

TEST(StatusUtil, ReturnIfErrorReturnsTheFirstError) {
  int calls = 0;
  const auto body = [&](Status first) -> Status {
    KYRO_RETURN_IF_ERROR(first);
    ++calls;
    return Status(StatusCode::kCancelled);
  };
  EXPECT_EQ(body(Status(StatusCode::kBusy)).code(), StatusCode::kBusy);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(body(Status::Ok()).code(), StatusCode::kCancelled);
}

TEST(StatusUtil, AssignOrReturnUnwrapsOrReturns) {
  const auto body = [](Result<int> from) -> Result<int> {
    KYRO_ASSIGN_OR_RETURN(const int value, std::move(from));
    return value + 1;
  };
  EXPECT_EQ(*body(4), 5);
  EXPECT_EQ(body(StatusCode::kBusy).status().code(), StatusCode::kBusy);
}

TEST(StatusUtil, FileErrorsNameTheFileTwice) {
  const Status status =
      FileError(StatusCode::kDataLoss, "000007.wal", 512, "crc32c {:08x}, want {:08x}", 1u, 2u);
  EXPECT_EQ(status.message(), "000007.wal: crc32c 00000001, want 00000002");
  EXPECT_EQ(status.file(), "000007.wal");
  EXPECT_EQ(status.offset(), 512u);
}

TEST(StatusUtil, GuardTurnsExceptionsIntoStatuses) {
  EXPECT_EQ(Guarded([]() -> Status { throw std::bad_alloc(); }).code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(Guarded([]() -> Status {
              throw std::system_error(std::make_error_code(std::errc::too_many_files_open));
            }).code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(Guarded([]() -> Result<int> { throw std::runtime_error("x"); }).status().code(),
            StatusCode::kInternal);
  EXPECT_EQ(*Guarded([]() -> Result<int> { return 3; }), 3);
}

}  // namespace
}  // namespace kyro
