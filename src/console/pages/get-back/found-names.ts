/** Names and folders of what was found. Paths are data: hostile ones are shown as the text they are. */

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path
}

export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')))
}

/** Whether a restore can be ordered by the text of the path: what was replaced in it to be shown names nothing. */
export function isNamedByText(path: string, rawPath: string): boolean {
  return base64UrlOf(new TextEncoder().encode(path)) === rawPath
}

function base64UrlOf(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}
