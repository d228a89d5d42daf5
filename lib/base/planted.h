// SPDX-License-Identifier: Apache-2.0
//
// Planted bugs: `if (KYRO_PLANTED(kSkipLogSync)) return {};` leaves the sync out where the code is
// compiled with KYRO_PLANTED_BUGS and that bug was chosen at run time, and is `if (false)`
// otherwise. The shipped library is compiled without; tests/proofs compiles a second one with, and
// ./tests/proof shows that what proves kyro's promises fails for every bug of this list.
//
// A switch stands in a .cc file of lib/ or in a kernel (-inl.h): headers do not know for which
// library they are included. docs/testing.md has the list with what catches each.
#ifndef KYRO_BASE_PLANTED_H_
#define KYRO_BASE_PLANTED_H_

// X(enumerator, "what is broken"), by room.
// clang-format off
#define KYRO_PLANTED_BUG_LIST(X) \
  X(kSkipLogSync, "a group is acknowledged in kSync without an fdatasync of the log") \
  X(kVisibleBeforeSync, "a group in kSync is visible before its fdatasync, even if that fails") \
  X(kVisibleBeforeApply, \
    "a group's sequences are visible before its operations are in the deltas") \
  X(kVisibleOneLate, "the last commit of a group is acknowledged before it is visible") \
  X(kBatchVisibleInHalves, "a batch is visible while its operations are being applied") \
  X(kGroupNumbersReversed, "writers of one group are told each other's sequences") \
  X(kFreezeTakesInstallBack, \
    "a freeze publishes the runs from before an install that came between") \
  X(kViewSequenceFirst, "a view takes its sequence first and pins the state after (V2)") \
  X(kViewUnclamped, "a view whose state was frozen meanwhile has a later sequence (V2)") \
  X(kWalkSeesNewer, "a walk through a delta finds the newest versions, whatever the view") \
  X(kMultiGetSeesNewer, "MultiGet finds the newest versions in deltas, whatever the view") \
  X(kOlderVersionsLost, "a write to a delta drops the key's older versions (D2)") \
  X(kAckBeforeSync, "a group in kSync is acknowledged first and synced later, in the background") \
  X(kSkipLogFileSync, "a log file made ahead of need is not synced") \
  X(kSkipLogDirectorySync, "the directory is not synced when a log file gets its name") \
  X(kSkipSealSync, "a log file is not synced when the next one takes its place") \
  X(kSealOmitted, "a log file ends without a seal, so that nothing names the next one") \
  X(kSkipCutSync, "a log file that was cut to its length is not synced") \
  X(kCutLeftOut, "the file after a failed write does not say where the one before it ends") \
  X(kFailedWriteNotVoided, "what a failed write left in the log is not cut off") \
  X(kSkipLinkSync, "a log file is named by the manifest before its link is synced") \
  X(kSyncMarkStuck, "records never say that bytes before them were synced") \
  X(kSyncMarkAhead, "records say that all before them was synced, synced or not") \
  X(kTornTailRefused, "a torn tail of the log is taken for damage") \
  X(kDurableRunsAhead, "Stats::durable counts groups that were not synced") \
  X(kFrozenOneShort, "a generation is frozen before its last commit counts (V5)") \
  X(kFreezeLosesGeneration, "a freeze leaves the oldest frozen generation out of the state (V2)") \
  X(kBulkWithoutFlush, "a bulk load drops what is in memory instead of flushing it") \
  X(kBulkAcceptsWrites, "writes to a keyspace go on while a bulk load has it") \
  X(kSequenceReused, "sequences whose outcome was unknown are used again after Resume") \
  X(kResumeRecoversAgain, "a Resume reads the log again that one before it cleaned up") \
  X(kResumeWithoutFlush, "Resume begins a new log before what is visible is in segments") \
  X(kDeltaFilterForgets, "the filter of a delta does not know every 16th key") \
  X(kViewSeesNewer, "a lookup in a delta finds the newest version, whatever the view") \
  X(kTreeWalkStopsAtLeaf, "a walk through a delta ends with a leaf of its tree") \
  X(kFilterForgets, "the filter of a segment does not know every 16th key") \
  X(kBracketUnchecked, "a lookup that ends at a window's edge does not look at the key beyond it") \
  X(kPredictionUnclamped, "a predicted window may reach past the end of the keys") \
  X(kMultiGetWrongLane, "MultiGet gives the answers of a group in reverse order") \
  X(kSkipKeysSync, "a segment's keys are not synced") \
  X(kSkipDataSync, "a segment's values are not synced") \
  X(kSkipModelSync, "a segment's model is not synced") \
  X(kSkipRetrainSync, "a retrained model is not synced") \
  X(kSkipManifestSync, "a manifest is not synced before it gets its name") \
  X(kSkipManifestDirectorySync, "the directory is not synced when a manifest got its name") \
  X(kViewBelowItsRuns, "a view that sees a bulk load's rows has a sequence before it (V1)") \
  X(kShortWayPastDelta, "the short way of one segment is taken past a delta") \
  X(kNewerForgotten, "the oldest run is asked first, and a newer version now and then not at all") \
  X(kDeltasOldestFirst, "deltas are searched oldest first (V3)") \
  X(kScanPrefersOlder, "of a key in several sources a scan takes the oldest version (V3)") \
  X(kTombstoneHidesNewer, "a tombstone hides a newer value of its key (V6)") \
  X(kIteratorMissesSource, "an iterator leaves the oldest source out") \
  X(kIteratorStopsAtSegment, "an iterator ends with a segment that is not the last of its run") \
  X(kTurnRepeatsKey, "an iterator that turns back gives the same key again") \
  X(kChunkPassesEnd, "rows that a scan takes from one source at once pass the end of its range") \
  X(kStretchPassesSource, \
    "rows that a scan takes from one source at once pass another source's keys") \
  X(kStretchHasTombstone, "rows that a scan takes from one source at once include deleted ones") \
  X(kScanIncludesEnd, "a scan includes the end of its range") \
  X(kEpochNotAwaited, "what a Get is reading may be freed") \
  X(kReadPointMoves, "a view at a read point shows later commits") \
  X(kFlushNewestFirst, "generations are flushed newest first") \
  X(kFlushSkipsKeyspace, "a flush leaves out the third keyspace of a generation") \
  X(kFlushedRunLast, "a flushed run is put behind the older ones (V3)") \
  X(kFlushDropsTombstone, "a flush drops tombstones that hide older rows") \
  X(kStoppedFlushFails, "a flush that Close stops is taken for one that failed") \
  X(kMergeDropsTombstone, "a merge drops tombstones that hide older rows") \
  X(kMergeNotContiguous, "the output of a merge goes behind the next older run (V4)") \
  X(kMergeLosesFlush, "a merge drops the runs that were flushed while it ran") \
  X(kSwapLosesWrites, "an install drops the generations that were frozen while it was built") \
  X(kCopyLosesWrites, "Warm drops the generations that wait for their flush") \
  X(kCopyForgetsViews, "files are deleted that only views from before a Warm read") \
  X(kLogFloorTooHigh, "log files are deleted whose rows are in no segment yet") \
  X(kSkipSegmentDirectorySync, "a manifest names new segments before their names are synced") \
  X(kRuleWBroken, "a manifest names sequences that are not durable") \
  X(kDeleteBeforeManifest, "files are deleted before the manifest without them is durable") \
  X(kRecoveredInMemory, "after an unclean end Open leaves what it found in the log") \
  X(kReplayHalfBatch, "of a batch in the log only the first operation is replayed") \
  X(kKeyspaceIdReused, "the id of a dropped keyspace is used again") \
  X(kDropUnsynced, "a keyspace is dropped before what was acknowledged is durable") \
  X(kCheckpointMissesFile, "a checkpoint lacks the values of runs of several segments") \
  X(kCheckpointWithoutFlush, "a checkpoint lacks what is in memory") \
  X(kSkipCopySync, "a checkpoint's copied files are not synced") \
  X(kWriteStaysInProcess, "a log record is acknowledged while it waits in the process") \
  X(kPosixSkipFileSync, "fdatasync of a file is left out and reported as done") \
  X(kPosixSyncFileRange, "a file's sync only starts writing it back") \
  X(kPosixSkipDirectorySync, "fsync of a directory is left out and reported as done") \
  X(kRetryFailedSync, "a failed sync of the log is tried again, and believed") \
  X(kErrorTextIsAnError, "an error without memory for its text becomes kResourceExhausted") \
  X(kLeakErrorText, "the text of a kResourceExhausted is never freed") \
  X(kWrongErrno, "EDQUOT and ENFILE are kIoError") \
  X(kEintrIsAnError, "an interrupted read is not tried again") \
  X(kShortWriteIsEnough, "a write that the kernel cut short is taken for whole") \
  X(kShortReadIsTheEnd, "a read that the kernel cut short is taken for the end of the file") \
  X(kManifestWriteIgnored, "a manifest whose bytes were not written is renamed into place") \
  X(kManifestTrusted, "Open deletes under a manifest that may not be durable") \
  X(kDirectorySyncIgnored, "a failed sync of the directory before an install is ignored") \
  X(kNoSpaceFailsLog, "a new log file that does not fit fails the log until Resume") \
  X(kAllocateAfterAppend, "memory is taken between a record's write and its acknowledgement") \
  X(kDropIsDefinite, "a drop that a crash may leave or not returns a definite error") \
  X(kDropKeepsRefusing, "a drop that failed leaves the keyspace refused") \
  X(kCloseGivesUp, "a Close that met an error keeps the lock") \
  X(kViewThrows, "a view without memory for it throws") \
  X(kSkipFileHeaderChecksum, "a file header's checksum is not compared") \
  X(kSkipRecordHeaderChecksum, "the checksum of a log record's header is not compared") \
  X(kSkipRecordPayloadChecksum, "the checksum of a log record's payload is not compared") \
  X(kSkipRecordPadding, "the padding behind a log record may hold anything") \
  X(kSkipLogHeaderPadding, "the rest of a log's header page may hold anything") \
  X(kSkipZerosBehindLog, "what stands behind the end of a complete log file may be anything") \
  X(kSkipForeignLog, "commits in another database's log are left alone") \
  X(kSkipManifestMark, "a manifest may be older than the log says") \
  X(kSkipManifestChecksum, "the manifest's checksum is not compared") \
  X(kSkipSegmentHeaderChecksum, "neither checksum nor digest of a segment's header is compared") \
  X(kSkipFooterChecksum, "the checksum and padding of a segment's footer are not looked at") \
  X(kSkipTableChecksum, "neither checksum, padding nor digest of a checksum table is looked at") \
  X(kSkipSegmentIdentity, "a segment file is taken by its number, whatever its uuid and digest") \
  X(kSkipKeysChecksum, "blocks of keys are read without a look at their checksums") \
  X(kSkipValuesChecksum, "blocks of values are read without a look at their checksums") \
  X(kSkipModelChecksum, "a model is used without a look at its checksums") \
  X(kSkipFilterChecksum, "a filter is used before it was verified") \
  X(kSkipVerifyChecksum, "Verify does not compare the checksums of blocks") \
  X(kMergeIgnoresReadError, "a merge takes an input that cannot be read for one that ends") \
  X(kRepairIgnoresHoles, "repair gives out a row that an unreadable newer one may hide") \
  X(kRepairGivesOlder, "repair gives out the older value of a row whose newest is unreadable") \
  X(kRepairGoesOnBehindGap, "repair applies commits behind one that is lost") \
  X(kRepairSkipsChecksum, "repair takes blocks without a look at their checksums")
// clang-format on

#ifdef KYRO_PLANTED_BUGS

namespace kyro {

enum class PlantedBug {
#define KYRO_PLANTED_ENUMERATOR(name, what) name,
  KYRO_PLANTED_BUG_LIST(KYRO_PLANTED_ENUMERATOR)
#undef KYRO_PLANTED_ENUMERATOR
};

// Whether this is the bug that was chosen. Defined beside the proofs (tests/proofs/planted.cc).
bool IsPlanted(PlantedBug bug) noexcept;

}  // namespace kyro

#define KYRO_PLANTED(bug) ::kyro::IsPlanted(::kyro::PlantedBug::bug)

#else

#define KYRO_PLANTED(bug) false

#endif  // KYRO_PLANTED_BUGS

#endif  // KYRO_BASE_PLANTED_H_
