// SPDX-License-Identifier: Apache-2.0
//
// For what is sorted once per open or flush: std::sort is this and more, at twice the code.
#ifndef KYRO_BASE_HEAP_SORT_H_
#define KYRO_BASE_HEAP_SORT_H_

#include <algorithm>
#include <vector>

namespace kyro {

// Not stable. O(n log n).
template <class T, class Less>
void HeapSort(std::vector<T>* all, Less less) {
  std::make_heap(all->begin(), all->end(), less);
  std::sort_heap(all->begin(), all->end(), less);
}

}  // namespace kyro

#endif  // KYRO_BASE_HEAP_SORT_H_
