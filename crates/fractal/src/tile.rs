//! How a picture is cut into tiles, one per task, and what a computed tile holds.
//!
//! Tasks are numbered in display order: the middle of the picture comes first, so that it is seen
//! first. The order uses integers only and is part of the protocol: task 7 is the same tile
//! everywhere.

use crate::view::{SIDE_MAX, TASKS_MAX, View};

/// Side of a tile in pixels. Tiles at the right and bottom edges are cropped to the picture.
pub const TILE: u32 = 256;

/// A part of a picture in pixels, counted from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Leftmost column.
    pub x: u32,
    /// Topmost row.
    pub y: u32,
    /// Columns, 1 to [`TILE`] for a tile.
    pub width: u32,
    /// Rows, 1 to [`TILE`] for a tile.
    pub height: u32,
}

/// The numbers of a computed tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Columns, 1 to [`TILE`].
    pub width: u32,
    /// Rows, 1 to [`TILE`].
    pub height: u32,
    /// One level per pixel, row by row from the top: 0 inside, else `iterations << 8` and an 8-bit
    /// fraction of the way to the next (`smooth.rs`).
    pub levels: Vec<u32>,
}

/// The tiles of a picture in display order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiles {
    width: u32,
    height: u32,
    /// The tiles' top left corners, nearest to the middle first. At most [`TASKS_MAX`].
    corners: Vec<(u32, u32)>,
}

impl Tiles {
    /// Cuts a picture; `None` when a side is 0 or exceeds [`SIDE_MAX`].
    pub fn new(width: u32, height: u32) -> Option<Tiles> {
        if !has_valid_sides(width, height) {
            return None;
        }
        let rows = (0..height).step_by(TILE as usize);
        let corners = rows.flat_map(|y| (0..width).step_by(TILE as usize).map(move |x| (x, y)));
        // Ties in order of row, then column.
        let corners =
            base::in_order(corners.map(|(x, y)| {
                (distance_squared(rect_at((x, y), width, height), width, height), y, x)
            }));
        assert!(corners.len() <= TASKS_MAX as usize, "sides are bounded");
        let corners = corners.into_iter().map(|(_, y, x)| (x, y)).collect();
        Some(Tiles { width, height, corners })
    }

    /// Width of the picture in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height of the picture in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// How many tasks there are.
    pub fn count(&self) -> u32 {
        self.width.div_ceil(TILE) * self.height.div_ceil(TILE)
    }

    /// The part of the picture that a task computes; `None` when there is no such task.
    pub fn rect(&self, task: u32) -> Option<Rect> {
        let corner = *self.corners.get(task as usize)?;
        Some(rect_at(corner, self.width, self.height))
    }

    /// Every task's part of the picture, in display order.
    pub fn rects(&self) -> impl Iterator<Item = Rect> + '_ {
        self.corners.iter().map(|&corner| rect_at(corner, self.width, self.height))
    }
}

/// How many tasks the view has; 0 when its sides are out of range.
pub fn task_count(view: &View) -> u32 {
    if !has_valid_sides(view.width, view.height) {
        return 0;
    }
    view.width.div_ceil(TILE) * view.height.div_ceil(TILE)
}

/// The part of the picture that a task computes; `None` when there is no such task. Whoever asks for
/// more than one tile of a view keeps its [`Tiles`].
pub fn tile_rect(view: &View, task: u32) -> Option<Rect> {
    Tiles::new(view.width, view.height)?.rect(task)
}

pub(crate) fn has_valid_sides(width: u32, height: u32) -> bool {
    (1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height)
}

fn rect_at((x, y): (u32, u32), width: u32, height: u32) -> Rect {
    Rect { x, y, width: TILE.min(width - x), height: TILE.min(height - y) }
}

/// Squared distance of the middle of `rect` from the middle of the picture, in half pixels.
fn distance_squared(rect: Rect, width: u32, height: u32) -> u64 {
    let dx = u64::from((2 * rect.x + rect.width).abs_diff(width));
    let dy = u64::from((2 * rect.y + rect.height).abs_diff(height));
    dx * dx + dy * dy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_picture_once() {
        for (width, height) in [(1, 1), (256, 256), (257, 255), (1000, 700), (16_384, 3)] {
            let tiles = Tiles::new(width, height).expect("sides in range");
            let mut seen = vec![false; (width * height) as usize];
            for rect in tiles.rects() {
                assert!(rect.width <= TILE && rect.height <= TILE);
                for y in rect.y..rect.y + rect.height {
                    for x in rect.x..rect.x + rect.width {
                        let pixel = &mut seen[(y * width + x) as usize];
                        assert!(!std::mem::replace(pixel, true));
                    }
                }
            }
            assert!(seen.iter().all(|&seen| seen));
            assert_eq!(tiles.rects().count() as u32, tiles.count());
            assert_eq!(tiles.rect(tiles.count()), None);
        }
    }

    #[test]
    fn the_middle_comes_first() {
        let tiles = Tiles::new(768, 768).expect("sides in range");
        let corners: Vec<(u32, u32)> =
            tiles.rects().map(|rect| (rect.x / TILE, rect.y / TILE)).collect();
        let expected = [(1, 1), (1, 0), (0, 1), (2, 1), (1, 2), (0, 0), (2, 0), (0, 2), (2, 2)];
        assert_eq!(corners, expected);
    }

    #[test]
    fn a_view_out_of_range_has_no_tasks() {
        let view = View { width: u32::MAX, height: u32::MAX, ..View::default() };
        assert_eq!((task_count(&view), tile_rect(&view, 0)), (0, None));
        let view = View { width: SIDE_MAX, height: SIDE_MAX, ..View::default() };
        assert_eq!(task_count(&view), TASKS_MAX);
        assert!(tile_rect(&view, TASKS_MAX - 1).is_some());
    }
}
