//! Small pictures of big ones. A picture is decoded only when its head promises a bearable size, on a blocking thread,
//! few at a time; the result is kept on disk, in one of a few sizes, so that nobody can have thousands made.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::Path,
};

use image::{
    DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits,
    imageops::FilterType,
};

/// The sizes there are, as the specification recommends them, the smallest first.
const SIZES: [Size; 5] = [
    Size { width: 32, height: 32, crops: true },
    Size { width: 96, height: 96, crops: true },
    Size { width: 320, height: 240, crops: false },
    Size { width: 640, height: 480, crops: false },
    Size { width: 800, height: 600, crops: false },
];
/// The most pixels a picture may have to be decoded: those of a good camera.
const MOST_PIXELS: u64 = 50_000_000;
/// The most memory decoding may take, in bytes.
const MOST_MEMORY: u64 = 256 * 1024 * 1024;

/// One size of thumbnails, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    width: u32,
    height: u32,
    /// Filled to the edge instead of fitted in.
    crops: bool,
}

impl Size {
    /// Finds the smallest of our sizes that is as large as asked for, or the largest.
    pub(crate) fn for_wish(width: u32, height: u32, crops: Option<bool>) -> Self {
        let largest = SIZES[SIZES.len() - 1];
        let fits = |size: &&Size| size.width >= width && size.height >= height;
        let found = SIZES.iter().find(fits).copied().unwrap_or(largest);
        Self { crops: crops.unwrap_or(found.crops), ..found }
    }

    /// Returns the file name of a picture's thumbnail of this size.
    pub(super) fn file_name(self, hash: &str) -> String {
        let way = if self.crops { "crop" } else { "scale" };
        format!("{hash}-{}x{}-{way}", self.width, self.height)
    }
}

/// Why there is no thumbnail.
#[derive(Debug, thiserror::Error)]
pub(super) enum ThumbnailError {
    /// It is no picture that we can read.
    #[error("this is no picture that this server can read")]
    NoPicture,
    /// It would take too much to decode.
    #[error("the picture is too large")]
    TooLarge,
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<ImageError> for ThumbnailError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooLarge,
            ImageError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Self::Io(error)
            }
            _ => Self::NoPicture,
        }
    }
}

/// What was made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// A file was written.
    Thumbnail,
    /// The picture is small enough as it is.
    Unneeded,
}

/// Makes a thumbnail. Blocks and computes: not for an async thread.
pub(super) fn make(source: &Path, target: &Path, size: Size) -> Result<Made, ThumbnailError> {
    let mut reader = ImageReader::open(source)?.with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(ThumbnailError::TooLarge);
    }
    if width <= size.width && height <= size.height {
        return Ok(Made::Unneeded);
    }
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let small = if size.crops {
        picture.resize_to_fill(size.width, size.height, FilterType::Triangle)
    } else {
        picture.thumbnail(size.width, size.height)
    };
    let mut file = BufWriter::new(File::create(target)?);
    if small.color().has_alpha() {
        small.to_rgba8().write_to(&mut file, ImageFormat::Png)?;
    } else {
        small.to_rgb8().write_to(&mut file, ImageFormat::Jpeg)?;
    }
    // Durable before it gets its name: half a thumbnail would be served for ever.
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(Made::Thumbnail)
}

/// Tells what a thumbnail of ours is, by its first bytes.
pub(super) fn content_type(head: &[u8]) -> &'static str {
    if head.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_gets_the_next_larger_size() {
        let size = Size::for_wish(30, 30, None);
        assert_eq!(size, SIZES[0]);
        assert_eq!(Size::for_wish(33, 10, None), SIZES[1]);
        assert_eq!(Size::for_wish(300, 240, Some(true)), Size { crops: true, ..SIZES[2] });
        assert_eq!(Size::for_wish(u32::MAX, 1, None), SIZES[4]);
    }
}
