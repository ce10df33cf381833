/** POSIX ACLs as archives have them, from the kernel's binary form (acl(5)). Ids stay numbers: the archive may go anywhere. */

const version = 2
const entryLength = 8

const kinds: ReadonlyMap<number, { readonly name: string; readonly hasId?: boolean }> = new Map([
  [0x01, { name: 'user' }],
  [0x02, { name: 'user', hasId: true }],
  [0x04, { name: 'group' }],
  [0x08, { name: 'group', hasId: true }],
  [0x10, { name: 'mask' }],
  [0x20, { name: 'other' }],
])

/** `user::rw-\ngroup::r--\n…`; undefined when it is no ACL. */
export function formatAcl(acl: Buffer): string | undefined {
  if (acl.length < 4 || (acl.length - 4) % entryLength !== 0 || acl.readUInt32LE(0) !== version) return undefined
  let text = ''
  for (let at = 4; at < acl.length; at += entryLength) {
    const kind = kinds.get(acl.readUInt16LE(at))
    if (!kind) return undefined
    const bits = acl.readUInt16LE(at + 2)
    const id = kind.hasId === true ? acl.readUInt32LE(at + 4) : ''
    const allowed = Array.from('rwx', (letter, i) => ((bits & (4 >> i)) === 0 ? '-' : letter)).join('')
    text += `${kind.name}:${id}:${allowed}\n`
  }
  return text
}
