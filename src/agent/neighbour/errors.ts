import { errorClass } from '#base'

/** What can go wrong when a machine that may take no software is read from the machine beside it. */
export const neighbourErrors = {
  RCLONE_NOT_FOUND: {
    message: 'The program {program}, which reads other machines over SFTP, FTP and SMB, is not on this machine.',
    hint: 'Install rclone {least} or newer from https://rclone.org/downloads/ (no account and no configuration is needed), then run the job again.',
  },
  RCLONE_TOO_OLD: {
    message: 'rclone {version} is too old to read other machines: {least} or newer is needed.',
    hint: 'Install a newer one from https://rclone.org/downloads/; the one of an older Linux distribution may not do.',
  },
  RCLONE_FAILED: {
    message: 'rclone, which reads {device}, failed: {reason}.',
    hint: 'Run the job again; if it fails again, try `rclone version` on this machine.',
  },
  DEVICE_INVALID: {
    message: 'The machine to read is not described as it must be: {reason}.',
    hint: 'Correct the description of the machine in the backup policy.',
  },
  DEVICE_UNREACHABLE: {
    message: '{device} cannot be reached: {reason}.',
    hint: 'Check that it is switched on, its address, port and kind of encryption, and that this machine may reach it through the firewall.',
  },
  DEVICE_LOGIN_REFUSED: {
    message: '{device} does not let the user {user} in.',
    hint: 'Check the user name and the password or key; a locked account must be unlocked on the machine itself.',
  },
  DEVICE_NOT_TRUSTED: {
    message: '{device} does not prove that it is the right machine: {reason}.',
    hint: 'If it was set up anew, read its new key or certificate on the machine itself and put it into the description. If not, somebody may pretend to be it: find out first.',
  },
  DEVICE_PATHS_MISSING: {
    message: 'Nothing of what is to be read is on {device}.',
    hint: 'Check the paths; for SMB a path begins with the name of the share.',
  },
  DEVICE_LOST: {
    message: '{device} can no longer be read: {reason}.',
    hint: 'Look whether it is still running. No snapshot was made of a half; what was read is used by the next run.',
  },
  DEVICE_ANSWER_UNUSABLE: {
    message: 'What {device} answers cannot be used: {reason}.',
    hint: 'Try to read the same folder with another program; the machine, or the program that serves its files, may be damaged.',
  },
  DEVICE_ENTRY_MISSING: {
    message: '"{path}" is not there, or no longer.',
    hint: 'It is not in this snapshot. Temporary files can be excluded by a pattern.',
  },
  DEVICE_ENTRY_REFUSED: {
    message: '"{path}" may not be read by the user with whom the machine is read.',
    hint: 'Give that user the right to read it, or exclude it by a pattern.',
  },
  DEVICE_ENTRY_FAILED: {
    message: '"{path}" could not be read: {reason}.',
    hint: 'Everything else has been stored. Run the job again; if it fails again, look into the log of the machine.',
  },
  DEVICE_ENTRY_STUCK: {
    message: '"{path}" gave nothing for {seconds} seconds, while the machine itself answers.',
    hint: 'It may be no ordinary file (a pipe, a device) or lie on a broken disk; exclude it by a pattern.',
  },
  DEVICE_NAME_UNUSABLE: {
    message: '"{path}" has a name that cannot be read through rclone: {reason}.',
    hint: 'Rename it on the machine, in UTF-8 where it can be chosen; until then it is not in the snapshot.',
  },
  SYMLINK_NOT_KEPT: {
    message: '"{path}" is a symlink, which is not kept: over SFTP it is not followed either.',
    hint: 'What it leads to is in the snapshot if it lies in one of the paths of the policy.',
  },
} as const

export class NeighbourError extends errorClass('NeighbourError', neighbourErrors) {}
