/** Which names a snapshot may bring to this machine. */

/** Why no entry of this name is made here, or undefined. `platform` as in `process.platform`. */
export function refuseName(name: Buffer, platform: NodeJS.Platform = process.platform): string | undefined {
  if (name.length === 0) return 'its name is empty'
  if (name.includes(0)) return 'its name has a NUL byte'
  if (name.includes(0x2f)) return 'its name has a slash, so it is a path and no name'
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) {
    return 'its name stands for a folder that exists already'
  }
  return platform === 'win32' ? refuseOnWindows(name.toString('utf8')) : undefined
}

const devices = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:$|[.:\s])/i

function refuseOnWindows(name: string): string | undefined {
  if (name.includes('\\')) return 'its name has a backslash, so it is a path and no name on Windows'
  // A colon names a drive, or a stream of another file.
  if (name.includes(':')) return 'its name has a colon, which names a drive or a stream on Windows'
  // eslint-disable-next-line no-control-regex
  if (/[<>"|?*\u0000-\u001f]/.test(name)) return 'its name has a character that Windows does not allow'
  if (/[. ]$/.test(name)) return 'its name ends with a dot or space, which Windows drops'
  if (devices.test(name)) return 'its name is that of a device on Windows'
  return undefined
}

/**
 * A text that is equal for names that are one entry here: Windows and macOS take `A` for `a`, and macOS one Unicode form
 * for the other. Linux tells all names apart; where a file system there does not, the kernel says so when the second
 * is made.
 */
export function sameName(name: Buffer, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32' && platform !== 'darwin') return name.toString('latin1')
  return name.toString('utf8').normalize('NFC').toLowerCase().normalize('NFC')
}
