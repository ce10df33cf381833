/** What one preview may take, and how much of a file it shows. */
export interface PreviewLimits {
  /** Milliseconds of reading, without those in which the file's content is waited for. */
  readonly milliseconds: number
  /** Bytes of memory of V8 in the reading process. */
  readonly heapBytes: number
  /** Bytes of writable memory of the whole process, where the system counts them; V8 alone reserves 560 MiB of it for code. */
  readonly memoryBytes: number
  /** Bytes of a text file that are read, and characters that any preview shows. */
  readonly textBytes: number
  /** Bytes of the largest file that has to be read as a whole. */
  readonly documentBytes: number
  /** Bytes that the parts of a packed document may unpack to. */
  readonly unpackedBytes: number
  /** Bytes and pixels of the largest image. */
  readonly imageBytes: number
  readonly imagePixels: number
  readonly pages: number
  readonly sheets: number
  readonly rows: number
  readonly columns: number
  /** Characters of one cell of a table. */
  readonly cellLength: number
}

export const previewLimits: PreviewLimits = {
  milliseconds: 20_000,
  heapBytes: 256 << 20,
  memoryBytes: 1 << 30,
  textBytes: 256 << 10,
  documentBytes: 32 << 20,
  unpackedBytes: 64 << 20,
  imageBytes: 16 << 20,
  imagePixels: 50_000_000,
  pages: 50,
  sheets: 10,
  rows: 200,
  columns: 50,
  cellLength: 500,
}
