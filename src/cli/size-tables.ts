import { formatBytes } from '#base'
import type { RepositorySizes, SizeHistogram } from '#repository'
import { formatTable } from './table.ts'

/** The sizes of files and blobs, as restic's `stats --mode debug` shows them. */

export function describeSizes({ files, blobs }: RepositorySizes): string[] {
  return [
    // To restic the files of packs are called data.
    ...Object.entries(files).flatMap(([type, sizes]) => [
      `File Type: ${type === 'pack' ? 'data' : type}`,
      ...describeHistogram(sizes),
    ]),
    ...Object.entries(blobs).flatMap(([type, sizes]) => [`Blob Type: ${type}`, ...describeHistogram(sizes), '', '']),
  ]
}

function describeHistogram({ count, total, classes, oversized }: SizeHistogram): string[] {
  const first = classes.findIndex((sizes) => sizes.count > 0)
  const shown = first < 0 ? [] : classes.slice(first, classes.findLastIndex((sizes) => sizes.count > 0) + 1)
  const rows = shown.map(({ lower, upper, count: inClass }) => ({ range: `${lower} - ${upper} Byte`, inClass }))
  const width = Math.max(0, ...rows.map(({ range }) => range.length))
  const columns = [
    { title: 'Size', cell: ({ range }: (typeof rows)[number]) => range.padStart(width) },
    { title: 'Count', cell: ({ inClass }: (typeof rows)[number]) => String(inClass) },
  ]
  return [
    `Count: ${count}`,
    `Total Size: ${formatBytes(total)}`,
    ...formatTable(columns, rows),
    ...(oversized.length > 0 ? [`Oversized: [${oversized.join(' ')}]`] : []),
  ]
}

export function sizeFields({ files, blobs }: RepositorySizes): unknown {
  const fields = ({ count, total, classes, oversized }: SizeHistogram) => ({
    count,
    total_size: total,
    classes,
    oversized,
  })
  const all = (sizes: Readonly<Record<string, SizeHistogram>>) =>
    Object.fromEntries(Object.entries(sizes).map(([type, histogram]) => [type, fields(histogram)]))
  return { files: all(files), blobs: all(blobs) }
}
