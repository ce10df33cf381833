/**
 * Loaded before a program (`node --import`), it sets the clock that the program sees, as a wrong clock of its machine would: by as
 * many milliseconds as UNDERSTUDY_TEST_SHIFT says. Files keep the times of the real one, as those of a storage elsewhere.
 */
const shift = Number(process.env['UNDERSTUDY_TEST_SHIFT'])
const RealDate = Date

class ShiftedDate extends RealDate {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(RealDate.now() + shift)
    else super(...(given as [number]))
  }

  static override now(): number {
    return RealDate.now() + shift
  }
}

globalThis.Date = ShiftedDate as DateConstructor
