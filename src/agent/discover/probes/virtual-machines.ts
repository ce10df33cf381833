import { byFile, makeFinding } from '../finding.ts'
import type { Probe } from '../finding.ts'
import { readHomes } from '../homes.ts'
import type { Machine } from '../machine.ts'

/** Virtual machines that run here, with their disks. */
export const virtualMachines: Probe = {
  name: 'virtual-machines',
  title: 'virtual machines (libvirt, Proxmox, VirtualBox)',
  look: (machine) => {
    for (const found of [...libvirt(machine), ...proxmox(machine), ...virtualBox(machine)]) report(machine, found)
  },
}

interface VirtualMachine {
  readonly by: string
  readonly name: string
  /** The file that describes it. */
  readonly file: string
  /** Files and devices; names of a storage where only that is known. */
  readonly disks: readonly string[]
}

function report({ files, sink }: Machine, { by, name, file, disks }: VirtualMachine): void {
  const onDisk = disks.filter((disk) => disk.startsWith('/') && files.type(disk, { follow: true }) === 'file')
  const others = disks.filter((disk) => !onDisk.includes(disk))
  sink.finding(
    makeFinding({
      kind: 'virtual-machine',
      name: `${by}:${name}`,
      title: `${by} machine ${name}`,
      evidence: [byFile(file), ...others.map((disk) => byFile(`it has a disk ${disk}`))],
      places: [file, ...onDisk].map((path) => ({ path, isFile: true })),
      backUpBy: 'whole-machine',
      advice:
        'Enrol it as a machine of its own; its disk read from here while it runs is of no single moment, so it counts only when made by a snapshot.',
    }),
  )
}

function libvirt({ files }: Machine): VirtualMachine[] {
  const folder = '/etc/libvirt/qemu'
  return files
    .names(folder)
    .filter((name) => name.endsWith('.xml'))
    .map((entry) => {
      const file = `${folder}/${entry}`
      const text = files.text(file) ?? ''
      const disks = [...text.matchAll(/<source\s+(?:file|dev)=(?:'([^']*)'|"([^"]*)")/g)]
      const [, name] = /<name>([^<]*)<\/name>/.exec(text) ?? []
      return {
        by: 'libvirt',
        name: plainXml(name ?? entry.replace(/\.xml$/, '')),
        file,
        disks: disks.map(([, single, double]) => plainXml(single ?? double ?? '')),
      }
    })
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function plainXml(text: string): string {
  return text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => entities[name] ?? '')
}

/** `scsi0: local-lvm:vm-100-disk-0,size=32G` for machines, `rootfs: …` and `mp0: …` for containers. */
function proxmox({ files }: Machine): VirtualMachine[] {
  const kinds = [
    ['/etc/pve/qemu-server', /^(?:scsi|virtio|ide|sata|efidisk)\d+:\s*([^,\s]+)/gm],
    ['/etc/pve/lxc', /^(?:rootfs|mp\d+):\s*([^,\s]+)/gm],
  ] as const
  return kinds.flatMap(([folder, disk]) =>
    files
      .names(folder)
      .filter((name) => name.endsWith('.conf'))
      .map((entry) => {
        const file = `${folder}/${entry}`
        // Sections further down are snapshots of the same machine.
        const text = (files.text(file) ?? '').split(/^\[/m)[0] ?? ''
        const [, name] = /^(?:name|hostname):\s*(\S+)/m.exec(text) ?? []
        const number = entry.replace(/\.conf$/, '')
        const disks = [...text.matchAll(disk)].map(([, place]) => place ?? '').filter((place) => place !== 'none')
        return { by: 'Proxmox', name: name === undefined ? number : `${number} (${name})`, file, disks }
      }),
  )
}

/** `~/VirtualBox VMs/<name>/<name>.vbox`, with the places of disks relative to it. */
function virtualBox(machine: Machine): VirtualMachine[] {
  const { files } = machine
  return readHomes(machine).flatMap(({ path }) => {
    const folder = `${path}/VirtualBox VMs`
    return files.names(folder).flatMap((name) => {
      const file = `${folder}/${name}/${name}.vbox`
      const text = files.text(file, { follow: false })
      if (text === undefined) return []
      const disks = [...text.matchAll(/<HardDisk\s[^<>]*?location="([^"]*)"/g)].map(([, place]) =>
        plainXml(place ?? ''),
      )
      const absolute = disks.map((disk) => (disk.startsWith('/') ? disk : `${folder}/${name}/${disk}`))
      return [{ by: 'VirtualBox', name, file, disks: absolute }]
    })
  })
}
