import { errorClass } from '#base'

/** What can go wrong with copies and the places where they lie. */
export const copyErrors = {
  DESTINATION_INVALID: {
    message: 'The destination cannot be used: {reason}.',
    hint: 'Change what is named, and test the destination before a backup policy names it.',
  },
  DESTINATION_AWAY: {
    message: 'The destination "{name}" is not there: {reason}.',
    hint: 'Mount it or switch it on; it is tried again by itself. Nothing is made in its place.',
  },
  COPY_GONE: {
    message: 'The copy of "{repository}" that was at "{name}" is not there any more.',
    hint: 'Find out who removed it. To begin a new one, remove the destination and set it up again.',
  },
  COPY_FOREIGN: {
    message: 'Where the copy of "{repository}" at "{name}" was lies another repository.',
    hint: 'Find out how it came there; nothing was written to it. Use another folder for this destination.',
  },
  COPY_NOT_AS_WRITTEN: {
    message: '{location} gave other bytes back for the {type} {name} than were written.',
    hint: 'Its disk, memory or line is not to be trusted: nothing counts on this file. Look at the place before the next try.',
  },
  COPY_SNAPSHOT_MISSING: {
    message: 'After copying, {count} snapshots of "{repository}" are not at "{name}".',
    hint: 'The next try copies them again. If this repeats, the place loses what it has stored.',
  },
  COPY_PACKS_MISSING: {
    message:
      'The copy of "{repository}" at "{name}" is not whole any more: {count} of its packs are missing or cut off.',
    hint: 'Find out who removed them, or what the place has lost. Then put what lies there away, remove the destination and set it up again: everything is copied anew.',
  },
  COPY_SHRUNK: {
    message: 'The copy of "{repository}" at "{name}" shows {listed} snapshots; it had {known}.',
    hint: 'Find out who removed some, or why the place hides them. Nothing is thinned out there until the next copy is complete.',
  },
  DISK_GONE: {
    message: 'The disk "{label}" was taken away while it was written to.',
    hint: 'Nothing on it is broken. Plug it in again: what is missing is copied then.',
  },
  DISK_NOT_FOUND: {
    message: 'There is no disk of this destination at {folder}.',
    hint: 'Plug it in and mount it where the destination looks: {pattern}.',
  },
  DISK_MARKED: {
    message: 'The disk at {folder} bears a mark already: it belongs to {owner}.',
    hint: 'Nothing was written to it. To use it here all the same, remove the file {file} from it first.',
  },
  DISK_IS_SERVERS: {
    message: 'The folder {folder} lies on the same disk as the server’s own data.',
    hint: 'Probably nothing is mounted there: plug the disk in and mount it first. A copy on the same disk would be none.',
  },
} as const

export class CopyError extends errorClass('CopyError', copyErrors) {}
