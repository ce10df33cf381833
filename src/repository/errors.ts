import { errorClass } from '#base'

/** What can go wrong with a repository itself. */
export const repositoryErrors = {
  REPOSITORY_NOT_FOUND: {
    message: 'There is no repository at {location}.',
    hint: 'Check the location, or make a repository there with `understudy init`.',
    exitCode: 10,
  },
  REPOSITORY_EXISTS: {
    message: 'There is already a repository at {location}.',
    hint: 'Use it as it is, or choose another location.',
  },
  REPOSITORY_INCOMPLETE: {
    message: 'The repository at {location} was never finished: it has keys but no config.',
    hint: 'If nothing was ever backed up there, empty the folder and run `understudy init` again.',
    exitCode: 10,
  },
  PROBE_DIFFERS: {
    message: 'The storage at {location} gave back other bytes than were written.',
    hint: 'Do not trust this storage, this machine or the line between them before the cause is found.',
  },
  UPGRADE_NOT_NEEDED: {
    message: 'The repository has version {version} of the format already.',
    hint: 'There is nothing to do.',
  },
  CONFIG_NOT_REPLACED: {
    message: 'The config of the repository at {location} could not be replaced: {reason}.',
    hint: 'Nothing has changed: the old config is in its place. Append-only storage does not allow an upgrade.',
  },
  CONFIG_LOST: {
    message: 'The config of the repository at {location} was taken away and could not be written again: {reason}.',
    hint: 'A copy is in {path}. Run `understudy migrate` again on this machine, or put the copy into the repository as the file "config".',
  },
  KEYS_MISSING: {
    message: 'The repository at {location} has a config but no key: nobody can open it.',
    hint: 'Bring back the files of its folder `keys` from a copy.',
  },
  PASSWORD_WRONG: {
    message: 'The password opens none of the keys of the repository at {location}.',
    hint: 'Check the password; keys can be listed with `understudy key list`.',
    exitCode: 12,
  },
  KEYS_NOT_ALL_TRIED: {
    message: 'The password opens none of the first {tried} keys of the repository at {location}, which has {keys}.',
    hint: 'Check the password, or name the key that it belongs to with --key-hint.',
    exitCode: 12,
  },
  KEY_DAMAGED: {
    message: 'The key {name} at {location} is damaged: {reason}.',
    hint: 'Another key may still open the repository; otherwise bring the file back from a copy.',
  },
  KEY_NOT_FOUND: {
    message: 'There is no key {name} in the repository at {location}.',
    hint: 'List the keys with `understudy key list`.',
  },
  KEY_IN_USE: {
    message: 'The key {name} is the one that this command was opened with.',
    hint: 'Open the repository with another key to remove this one.',
  },
  FILE_DAMAGED: {
    message: 'The {type} {name} is damaged: {reason}.',
    hint: 'Run `understudy check` to see what that touches.',
  },
  BLOB_NOT_FOUND: {
    message: 'The {type} blob {id} is in no index.',
    hint: 'Run `understudy check` to see which files need it.',
  },
  BLOB_DAMAGED: {
    message: 'The {type} blob {id} in pack {pack} is damaged: {reason}.',
    hint: 'Run `understudy check --read-data` to see the extent of the damage.',
  },
  BLOB_TOO_LARGE: {
    message: 'A blob of {bytes} bytes does not fit into a pack.',
    hint: 'This is a folder with too many entries: spread them over several folders.',
  },
  BLOB_NOT_VERIFIED: {
    message: 'What was just compressed and encrypted does not open to the same bytes again: {reason}.',
    hint: 'Nothing wrong was stored. The memory or the processor of this machine may be faulty: test it before the next backup.',
  },
  PACK_NOT_SAVED: {
    message: 'The pack {pack} could not be stored: {reason}.',
    hint: 'Run the command again: what has been stored is kept and used.',
  },
  INDEX_NOT_SAVED: {
    message: 'The index could not be stored: {reason}.',
    hint: 'Run the command again: what has been stored is kept and used.',
  },
  SNAPSHOT_NOT_FOUND: {
    message: 'No snapshot matches "{name}".',
    hint: 'List the snapshots with `understudy snapshots`.',
  },
  SNAPSHOT_AMBIGUOUS: {
    message: 'More than one snapshot begins with "{name}".',
    hint: 'Give more digits of its id.',
  },
  REPOSITORY_LOCKED: {
    message: 'The repository is locked {exclusively}by {holder} since {since}.',
    hint: 'Wait (--retry-lock), or, if that program is certainly dead, run `understudy unlock`.',
    exitCode: 11,
  },
  LOCK_REFUSED: {
    message: 'The repository cannot be locked: {reason}.',
    hint: 'To read from storage that this user cannot write to, add --no-lock; everything else needs the right to write.',
  },
  LOCK_LOST: {
    message: 'The lock on the repository could not be kept: {reason}.',
    hint: 'Nothing was lost; run the command again.',
    exitCode: 11,
  },
  BLOBS_REMOVED: {
    message: 'While this ran, another program removed {count} blobs that it counts on.',
    hint: 'No snapshot was made. Run the backup again: it stores what is missing.',
  },
  BLOBS_MISSING: {
    message: 'Snapshots need {count} blobs that are in no index, {id} among them.',
    hint: 'Nothing was removed. Run `understudy check` to see which files need them; a new backup may bring them back.',
  },
  PACKS_MISSING: {
    message: 'Snapshots need {count} packs that are missing or have the wrong size, {pack} among them.',
    hint: 'Nothing was removed. Run `understudy check` to see which files need them.',
  },
  PLAN_OUTDATED: {
    message: 'While the repository was being pruned, another program changed it: {reason}.',
    hint: 'Nothing that is needed was removed. Make sure that nobody works without a lock, and run prune again.',
  },
  REPAIR_OUTDATED: {
    message: 'While the repository was being repaired, another program changed it: {reason}.',
    hint: 'Nothing was removed. Make sure that nobody else works on it, and run the repair again.',
  },
  STORAGE_UNSTEADY: {
    message: 'The {type} {name} was not the same when it was read twice: {reason}.',
    hint: 'Nothing was changed. The disk, the line or the memory of a machine on the way is at fault: mend that before anything is repaired.',
  },
  INDEX_INCOMPLETE: {
    message: 'What is missing may still be there: {reason}.',
    hint: 'Nothing was changed. Run `understudy repair index` first.',
  },
  PACK_NOT_FOUND: {
    message: 'There is no pack whose id begins with "{name}", neither in the storage nor in the index.',
    hint: 'Take the ids from the output of `understudy check --read-data`.',
  },
  PACK_AMBIGUOUS: {
    message: 'More than one pack begins with "{name}".',
    hint: 'Give more digits of its id.',
  },
  TREE_TOO_DEEP: {
    message: 'The folders are nested more than {depth} deep.',
    hint: 'No program made them by accident: look at where the snapshot comes from.',
  },
  REWRITE_EMPTY: {
    message: 'No file would be left of the snapshot {snapshot}.',
    hint: 'Nothing was changed. Look at the patterns; if it is meant so, say --unsafe-allow-empty.',
  },
  FORGET_REFUSED: {
    message: 'Only {left} snapshots would be left, and {mustLeave} were to be kept.',
    hint: 'Nothing was forgotten. Another program has changed the repository meanwhile: look at the snapshots, and try again.',
  },
  OPTION_INVALID: {
    message: '"{value}" is no valid {what}: {reason}.',
    hint: 'See the help of the command for what it takes.',
  },
  FEATURE_UNSUPPORTED: {
    message: 'A repository of version {version} cannot do this: {what}.',
    hint: 'Use a repository of version 2.',
  },
} as const

export class RepositoryError extends errorClass('RepositoryError', repositoryErrors) {}
