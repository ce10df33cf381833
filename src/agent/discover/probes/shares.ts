import { byFile, folderAt, makeFinding } from '../finding.ts'
import type { Probe } from '../finding.ts'
import type { Machine } from '../machine.ts'
import { linesOf, settingsFiles } from '../services.ts'

/** Folders that this machine offers to others: what lies in them is usually why the machine is there. */
export const shares: Probe = {
  name: 'shares',
  title: 'shares (Samba, NFS)',
  look: async (machine) => {
    for (const share of [...(await sambaShares(machine)), ...nfsShares(machine)]) report(machine, share)
  },
}

interface Share {
  readonly by: 'Samba' | 'NFS'
  readonly name: string
  readonly path: string
  readonly evidence: ReturnType<typeof byFile> | { readonly from: 'command'; readonly what: string }
}

function report(machine: Machine, { by, name, path, evidence }: Share): void {
  // `%U` and the like stand for a folder of each user.
  const fixed = path.includes('%') ? path.slice(0, path.indexOf('%')).replace(/\/[^/]*$/, '') : path
  if (fixed === '' || fixed === '/') return
  const isThere = machine.files.isFolder(fixed)
  const places = isThere ? [folderAt(fixed)] : []
  machine.sink.finding(
    makeFinding({
      kind: 'share',
      name: `${by}:${name}`,
      title: `${by} share "${name}"${isThere ? '' : ', whose folder is not there or cannot be seen'}`,
      evidence: [evidence],
      places,
      ...machine.measure(places),
      backUpBy: 'files',
      advice: 'Back up the folder as files; people who work on the share change it during the day.',
    }),
  )
}

/** Samba's own word where it can be had: it knows its includes and defaults. Else its file. */
async function sambaShares(machine: Machine): Promise<Share[]> {
  const file = '/etc/samba/smb.conf'
  const printed = await machine.run('testparm', ['-s', '--debuglevel=0', machine.files.at(file)])
  const text = printed ?? machine.files.text(file)
  if (text === undefined) return []
  const evidence = printed === undefined ? byFile(file) : { from: 'command' as const, what: `testparm on ${file}` }
  if (printed === undefined && /^\s*(?:include|config backend)\s*=/im.test(text)) {
    machine.files.tell(file, 'it includes other settings, and testparm, which knows them, is not here')
  }
  return [...sharesIn(text), ...userShares(machine)].map((share) => ({ by: 'Samba', evidence, ...share }))
}

/** Sections with a path; printers, and what only `net logon` of a domain needs, are no data of people. */
function sharesIn(text: string): { name: string; path: string }[] {
  const sections: { name: string; path: string; isPrinter: boolean }[] = []
  for (const line of linesOf(text.replace(/\\\r?\n/g, ''))) {
    const [, name] = /^\s*\[([^\]]+)\]/.exec(line) ?? []
    if (name !== undefined) sections.push({ name: name.trim(), path: '', isPrinter: false })
    const section = sections.at(-1)
    const [, key = '', value = ''] = /^\s*([^#;=[]+?)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (!section) continue
    if (/^(?:path|directory)$/i.test(key)) section.path = value.replace(/^"(.*)"$/, '$1')
    if (/^printable$/i.test(key) && /^(?:yes|true|1)$/i.test(value)) section.isPrinter = true
  }
  return sections.filter(({ name, path, isPrinter }) => path.startsWith('/') && !isPrinter && !/^print\$$/i.test(name))
}

/** Shares that users made themselves (`net usershare`). */
function userShares({ files }: Machine): { name: string; path: string }[] {
  const folder = '/var/lib/samba/usershares'
  return files.names(folder).flatMap((name) => {
    const [, path] = /^path=(\/.*)$/m.exec(files.text(`${folder}/${name}`, { follow: false }) ?? '') ?? []
    return path === undefined ? [] : [{ name, path }]
  })
}

/** `/srv/data 192.168.1.0/24(rw) …` (man 5 exports): quoted, or with spaces as `\040`. */
function nfsShares(machine: Machine): Share[] {
  const files = settingsFiles(machine, '/etc/exports', '/etc/exports.d').filter((file) => file.endsWith('exports'))
  return files.flatMap((file) => {
    const text = machine.files.text(file)?.replace(/\\\n/g, ' ')
    return linesOf(text).flatMap((line): Share[] => {
      const [, quoted, plain] = /^\s*(?:"(\/[^"]*)"|(\/\S*))/.exec(line) ?? []
      const path = (quoted ?? plain)?.replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      )
      return path === undefined ? [] : [{ by: 'NFS', name: path, path, evidence: byFile(file) }]
    })
  })
}
