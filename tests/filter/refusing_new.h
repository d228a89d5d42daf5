// SPDX-License-Identifier: Apache-2.0
//
// Memory that says no: while a RefuseNew lives, operator new fails on its thread. The program's
// operators new are replaced by refusing_new.cc, which the test's executable lists.
#ifndef KYRO_TESTS_FILTER_REFUSING_NEW_H_
#define KYRO_TESTS_FILTER_REFUSING_NEW_H_

namespace kyro::support {

class RefuseNew {
 public:
  // Lets `granted` allocations of this thread pass and refuses the rest.
  explicit RefuseNew(int granted = 0) noexcept;
  ~RefuseNew();
  // False under ThreadSanitizer, whose operators new cannot be replaced.
  static bool Works() noexcept;
  RefuseNew(const RefuseNew&) = delete;
  RefuseNew& operator=(const RefuseNew&) = delete;
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_FILTER_REFUSING_NEW_H_
